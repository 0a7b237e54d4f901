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

const bashScript = `_sfere() {
  local cur="${COMP_WORDS[COMP_CWORD]}" cmd="" w
  for w in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$w" in -*) ;; *) cmd="$w"; break ;; esac
  done
  case "$cmd" in
    "") COMPREPLY=($(compgen -W "@commands@ -url -json -H" -- "$cur")) ;;
    describe|sample|schemas) COMPREPLY=($(compgen -W "$(sfere describe 2>/dev/null | awk 'NR>1 {print $1}')" -- "$cur")) ;;
    dispatches) COMPREPLY=($(compgen -W "$(sfere dispatches 2>/dev/null | awk 'NR>1 {print $1}')" -- "$cur")) ;;
    completion) COMPREPLY=($(compgen -W "bash zsh fish" -- "$cur")) ;;
    validate|dry-run|send) COMPREPLY=($(compgen -f -- "$cur")) ;;
  esac
}
complete -F _sfere sfere
`

const fishScript = `complete -c sfere -f
complete -c sfere -n __fish_use_subcommand -a "@commands@"
complete -c sfere -n "__fish_seen_subcommand_from describe sample schemas" -a "(sfere describe 2>/dev/null | tail -n +2 | string split -f1 ' ')"
complete -c sfere -n "__fish_seen_subcommand_from dispatches" -a "(sfere dispatches 2>/dev/null | tail -n +2 | string split -f1 ' ')"
complete -c sfere -n "__fish_seen_subcommand_from validate dry-run send" -F
complete -c sfere -n "__fish_seen_subcommand_from completion" -a "bash zsh fish"
`
