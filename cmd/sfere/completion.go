package main

import (
	"context"
	"flag"
	"fmt"
	"strings"
)

// completion prints a script that completes commands, and the names or numbers
// that a command takes, by asking the program.
func (c *cli) completion(*flag.FlagSet) func(context.Context, []string) error {
	return func(_ context.Context, args []string) error {
		shell, err := one(args, "bash, zsh or fish")
		if err != nil {
			return err
		}
		script, ok := map[string]string{"bash": bashScript, "zsh": "autoload -U +X bashcompinit && bashcompinit\n" + bashScript, "fish": fishScript}[shell]
		if !ok {
			return &misuse{fmt.Sprintf("there is no completion for %q: use bash, zsh or fish", shell)}
		}
		var names []string
		for _, k := range commands() {
			names = append(names, k.name)
		}
		_, err = fmt.Fprint(c.out, strings.ReplaceAll(script, "@commands@", strings.Join(names, " ")))
		return err
	}
}

// The scripts complete only words that a shell has no other idea about: bash
// expands what it completes with once more, and names come from the program.
const bashScript = `_sfere_words() {
  sfere "$@" 2>/dev/null | awk -v col="$col" 'NR > 1 && $col ~ /^[A-Za-z0-9\/._-]+$/ {print $col}'
}
_sfere() {
  local cur="${COMP_WORDS[COMP_CWORD]}" cmd="" w skip="" col=1
  for w in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [ -n "$skip" ]; then skip=""; continue; fi
    case "$w" in
      -url|-token|-header|--url|--token|--header) skip=1 ;;
      -*) ;;
      *) cmd="$w"; break ;;
    esac
  done
  case "$cmd" in
    "") COMPREPLY=($(compgen -W "@commands@ -url -token -header -json" -- "$cur")) ;;
    describe|sample|schemas) COMPREPLY=($(compgen -W "$(_sfere_words describe)" -- "$cur")) ;;
    dispatches|export) COMPREPLY=($(compgen -W "$(_sfere_words dispatches)" -- "$cur")) ;;
    connections|close|tail) col=2; COMPREPLY=($(compgen -W "$(_sfere_words connections)" -- "$cur")) ;;
    views) col=2; COMPREPLY=($(compgen -W "$(_sfere_words views)" -- "$cur")) ;;
    completion) COMPREPLY=($(compgen -W "bash zsh fish" -- "$cur")) ;;
    validate|dry-run|send|replay|test) COMPREPLY=($(compgen -f -- "$cur")) ;;
  esac
}
complete -F _sfere sfere
`

const fishScript = `function __sfere_words
  set -l col $argv[1]
  sfere $argv[2] 2>/dev/null | awk -v col="$col" 'NR > 1 && $col ~ /^[A-Za-z0-9\/._-]+$/ {print $col}'
end
complete -c sfere -f
complete -c sfere -n __fish_use_subcommand -a "@commands@"
complete -c sfere -n "__fish_seen_subcommand_from describe sample schemas" -a "(__sfere_words 1 describe)"
complete -c sfere -n "__fish_seen_subcommand_from dispatches export" -a "(__sfere_words 1 dispatches)"
complete -c sfere -n "__fish_seen_subcommand_from connections close tail" -a "(__sfere_words 2 connections)"
complete -c sfere -n "__fish_seen_subcommand_from views" -a "(__sfere_words 2 views)"
complete -c sfere -n "__fish_seen_subcommand_from validate dry-run send replay test" -F
complete -c sfere -n "__fish_seen_subcommand_from completion" -a "bash zsh fish"
`
