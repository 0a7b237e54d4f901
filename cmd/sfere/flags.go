package main

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// flags returns the flags that every command has.
func (c *cli) flags(name string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(c.err)
	fs.StringVar(&c.base, "url", c.base, "where the program serves the API; also $SFERE_URL")
	fs.BoolVar(&c.json, "json", c.json, "print the answer as JSON")
	fs.Var(headers{c.header}, "header", "a header `\"name: value\"` to send along, such as a cookie; as often as needed")
	// Its default is not shown: it may come from the environment.
	fs.Func("token", "`text` to send as \"Authorization: Bearer text\"; also $SFERE_TOKEN, which other users of the machine cannot see", func(v string) error {
		c.token = v
		return plain(v)
	})
	return fs
}

// headers are given with -header.
type headers struct{ http.Header }

func (h headers) String() string { return "" }

func (h headers) Set(v string) error {
	name, value, ok := strings.Cut(v, ":")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if !ok || !httpguts.ValidHeaderFieldName(name) {
		return errors.New(`want "name: value"`)
	}
	h.Add(name, value)
	return plain(value)
}

// plain refuses what cannot be in a header.
func plain(value string) error {
	if !httpguts.ValidHeaderFieldValue(value) {
		return errors.New("a header cannot hold this value")
	}
	return nil
}

// parseMixed lets flags come after arguments too.
func parseMixed(fs *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		if err := fs.Parse(args); err != nil {
			return nil, err
		}
		left := fs.Args()
		if len(left) == 0 {
			return rest, nil
		}
		if n := len(args) - len(left); n > 0 && args[n-1] == "--" { // the rest are no flags
			return append(rest, left...), nil
		}
		rest, args = append(rest, left[0]), left[1:]
	}
}

func parseExit(err error) int {
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	return exitUsage
}

func one(args []string, what string) (string, error) {
	if len(args) != 1 {
		return "", &misuse{"want " + what}
	}
	return args[0], nil
}

func atMostOne(args []string, what string) (string, error) {
	if len(args) > 1 {
		return "", &misuse{"want at most " + what}
	}
	return strings.Join(args, ""), nil
}

func none(args []string) error {
	if len(args) > 0 {
		return &misuse{fmt.Sprintf("%q is one argument too many", args[0])}
	}
	return nil
}
