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
	exitOK          = iota
	exitNo          // the answer is no
	exitUsage       // called wrongly
	exitUnreachable // no answer, or refused
)

// defaultURL is where the examples serve the API.
const defaultURL = "http://localhost:8080/inspect/api"

// cli is one call of the command.
type cli struct {
	client
	in   io.Reader
	raw  io.Writer // standard output as it is, for scripts and protocols
	out  io.Writer // the same for people
	err  io.Writer
	env  func(string) string
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
		{"connections", "[-n N] [-count] [-nodes] [pattern]", "list live connections such as '*/lobby/*'; -nodes of all machines", (*cli).connections},
		{"nodes", "", "list the machines that the program runs on, and their counters", (*cli).nodes},
		{"views", "[-n N] [-count] [text]", "list what streams are shown, of views with text in their name", (*cli).views},
		{"dispatches", "[-failed] [-name N] [-match T] [number]", "list the last dispatches, or show what one of them did", (*cli).dispatches},
		{"export", "number", "print a dispatch as a document for replay and test", (*cli).export},
		{"replay", "[file]", "say what an exported dispatch would do today, and what is different", (*cli).replay},
		{"test", "[-pkg P] [-o file] [file]", "make a Go test of an exported dispatch", (*cli).test},
		{"failures", "[-n N]", "list what failed lately, what failed in the same way once", (*cli).failures},
		{"tail", "[key] [-text] [-id N] | [-match T] ...", "print what the streams under a key are sent, or dispatches, as it happens", (*cli).tail},
		{"validate", "[file]", "check a list of effects, from standard input by default", (*cli).validate},
		{"dry-run", "[-to pattern] [file]", "say what a list of effects would do", (*cli).dryRun},
		{"send", "[-to pattern] [file]", "run a list of effects, if the program allows it", (*cli).send},
		{"close", "[-n] [-for D] [-id N] pattern", "end streams, if the program allows it; -n says whose", (*cli).close},
		{"removals", "[-n N]", "list who left last, and why", (*cli).removals},
		{"mcp", "[address]", "serve a model on standard input and output with the program's MCP", (*cli).mcp},
		{"completion", "bash|zsh|fish", "print a completion script for a shell", (*cli).completion},
	}
}

// answerNo is an error that is an answer: exit code 1.
type answerNo struct{ text string }

func (e *answerNo) Error() string { return e.text }

// misuse is an error of the caller: exit code 2.
type misuse struct{ text string }

func (e *misuse) Error() string { return e.text }

// run is main without the process.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer, env func(string) string) int {
	c := &cli{in: in, raw: out, out: screen{out}, err: screen{errs}, env: env}
	c.client = client{base: env("SFERE_URL"), token: env("SFERE_TOKEN"), header: http.Header{}, limit: maxAnswer}
	if c.base == "" {
		c.base = defaultURL
	}
	fs := c.flags("sfere")
	fs.Usage = func() { usage(c.err) }
	if err := fs.Parse(args); err != nil {
		return parseExit(err)
	}
	if fs.NArg() == 0 {
		usage(c.err)
		return exitUsage
	}
	name := fs.Arg(0)
	i := slices.IndexFunc(commands(), func(k command) bool { return k.name == name })
	if i < 0 {
		if name == "help" {
			usage(c.out)
			return exitOK
		}
		fmt.Fprintf(c.err, "sfere: there is no command %q; sfere help lists them\n", name)
		return exitUsage
	}
	cmd := commands()[i]
	sub := c.flags("sfere " + cmd.name)
	sub.Usage = func() {
		fmt.Fprintf(c.err, "usage: sfere %s %s\n\n%s\n\n", cmd.name, cmd.args, cmd.doc)
		sub.PrintDefaults()
	}
	do := cmd.run(c, sub)
	rest, err := parseMixed(sub, fs.Args()[1:])
	if err != nil {
		return parseExit(err)
	}
	return c.exit(do(ctx, rest))
}

// exit prints err and gives the exit code for it.
func (c *cli) exit(err error) int {
	if err == nil {
		return exitOK
	}
	if text := err.Error(); text != "" {
		// No line of it can pass for one of ours.
		fmt.Fprintln(c.err, "sfere: "+strings.ReplaceAll(text, "\n", "\n  "))
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
	fmt.Fprint(w, "sfere looks into a running program.\n\nusage: sfere [flags] command [flags] ...\n\n")
	for _, k := range commands() {
		fmt.Fprintf(w, "  %-12s %-40s %s\n", k.name, k.args, k.doc)
	}
	fmt.Fprintf(w, `
  -url address          where the program serves the API: $SFERE_URL, or %s
  -token text           sent as a bearer token: $SFERE_TOKEN
  -header "name: value" sent along, such as a cookie; as often as needed
  -json                 print answers as JSON

Exit codes: 0 yes; 1 no: nobody or nothing found, not valid, an effect
failed, a replay differs; 2 wrong use, a bad pattern included; 3 no answer, or refused.
`, defaultURL)
}
