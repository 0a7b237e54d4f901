package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// Exit codes.
const (
	exitOK = iota
	exitNo
	exitUsage
	exitUnreachable
)

// defaultURL is where the examples serve the API.
const defaultURL = "http://localhost:8080/inspect/api"

// cli is one call of the command.
type cli struct {
	client
	in   io.Reader
	out  io.Writer
	err  io.Writer
	json bool // print answers as they come
}

// command is one subcommand.
type command struct {
	name, args, doc string
	run             func(c *cli, fs *flag.FlagSet) func(ctx context.Context, args []string) error
}

func commands() []command {
	return []command{
		{"describe", "[-kind K] [name]", "list what the program can do, or show one item", (*cli).describe},
		{"grep", "[-e] text", "search names, docs, fields and metadata; -e for a regular expression", (*cli).grep},
		{"sample", "[-n N] [-seed S] name", "make calls that are valid", (*cli).sample},
		{"schemas", "[name]", "print JSON Schema of every list of effects, or of one item", (*cli).schemas},
		{"connections", "[pattern]", "list live connections such as '*/lobby/*'", (*cli).connections},
		{"dispatches", "[-n N] [number]", "list the last dispatches, or show what one of them did", (*cli).dispatches},
		{"validate", "[file]", "check a list of effects, from standard input by default", (*cli).validate},
		{"dry-run", "[-to pattern] [file]", "say what a list of effects would do", (*cli).dryRun},
		{"send", "[-to pattern] [file]", "run a list of effects, if the program allows it", (*cli).send},
		{"completion", "bash|zsh|fish", "print a completion script for a shell", (*cli).completion},
	}
}

// answerNo is an error that is an answer: exit code 1.
type answerNo struct{ text string }

func (e *answerNo) Error() string { return e.text }

// misuse is an error of the caller: exit code 2.
type misuse struct{ text string }

func (e *misuse) Error() string { return e.text }

// headers are given with -H, as often as needed.
type headers struct{ http.Header }

func (h headers) String() string { return "" }

func (h headers) Set(v string) error {
	name, value, ok := strings.Cut(v, ":")
	if !ok {
		return errors.New(`want "Name: value"`)
	}
	h.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	return nil
}

// run is main without the process.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer, env func(string) string) int {
	c := &cli{in: in, out: out, err: errs}
	c.base, c.header = env("SFERE_URL"), http.Header{}
	if c.base == "" {
		c.base = defaultURL
	}
	fs := c.flags("sfere")
	fs.Usage = func() { usage(errs) }
	if err := fs.Parse(args); err != nil {
		return parseExit(err)
	}
	if fs.NArg() == 0 {
		usage(errs)
		return exitUsage
	}
	name := fs.Arg(0)
	i := slices.IndexFunc(commands(), func(k command) bool { return k.name == name })
	if i < 0 {
		if name == "help" {
			usage(out)
			return exitOK
		}
		fmt.Fprintf(errs, "sfere: there is no command %q; sfere help lists them\n", name)
		return exitUsage
	}
	cmd := commands()[i]
	sub := c.flags("sfere " + cmd.name)
	sub.Usage = func() {
		fmt.Fprintf(errs, "usage: sfere %s %s\n\n%s\n\n", cmd.name, cmd.args, cmd.doc)
		sub.PrintDefaults()
	}
	do := cmd.run(c, sub)
	rest, err := parseMixed(sub, fs.Args()[1:])
	if err != nil {
		return parseExit(err)
	}
	return c.exit(do(ctx, rest))
}

// flags returns the flags that every command has.
func (c *cli) flags(name string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(c.err)
	fs.StringVar(&c.base, "url", c.base, "where the program serves the API; also $SFERE_URL")
	fs.BoolVar(&c.json, "json", c.json, "print the answer as JSON")
	fs.Var(headers{c.header}, "H", `header "Name: value" to send along, such as a token`)
	return fs
}

// parseMixed lets flags come after arguments too.
func parseMixed(fs *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		if err := fs.Parse(args); err != nil {
			return nil, err
		}
		if args = fs.Args(); len(args) == 0 {
			return rest, nil
		}
		rest, args = append(rest, args[0]), args[1:]
	}
}

func parseExit(err error) int {
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	return exitUsage
}

// exit prints err and gives the exit code for it.
func (c *cli) exit(err error) int {
	if err == nil {
		return exitOK
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(c.err, "sfere: "+text)
	}
	if _, ok := errors.AsType[*answerNo](err); ok {
		return exitNo
	}
	if _, ok := errors.AsType[*misuse](err); ok {
		return exitUsage
	}
	return exitUnreachable
}

func usage(w io.Writer) {
	fmt.Fprint(w, "sfere looks into a running program.\n\nusage: sfere [-url address] [-json] command ...\n\n")
	for _, k := range commands() {
		fmt.Fprintf(w, "  %-12s %-24s %s\n", k.name, k.args, k.doc)
	}
	fmt.Fprintf(w, "\nThe address is -url, $SFERE_URL or %s.\nExit codes: 0 yes, 1 no, 2 wrong use, 3 no answer or refused.\n", defaultURL)
}
