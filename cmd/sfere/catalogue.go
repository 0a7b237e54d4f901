package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sfere-go/sfere/schema"
)

func (c *cli) describe(fs *flag.FlagSet) func(context.Context, []string) error {
	kind := fs.String("kind", "", "effect, action or placeholder only")
	return func(ctx context.Context, args []string) error {
		name, err := atMostOne(args, "one name")
		if err != nil {
			return err
		}
		q := url.Values{}
		if *kind != "" {
			q.Set("kind", *kind)
		}
		if name != "" {
			q.Set("name", name)
		}
		var items []schema.Item
		done, err := c.fetch(ctx, "/describe", q, &items)
		if err == nil && len(items) == 0 {
			err = &answerNo{"the program has none"}
		}
		if done || err != nil {
			return err
		}
		if name != "" && len(items) == 1 {
			c.show(items[0])
			return nil
		}
		c.table(items)
		return nil
	}
}

func (c *cli) table(items []schema.Item) {
	rows := [][]string{{"NAME", "KIND", "WORLD", "DOC"}}
	for _, i := range items {
		rows = append(rows, []string{i.Name, string(i.Kind), i.Reach, i.Doc})
	}
	c.rows(rows...)
}

// show prints all of one item.
func (c *cli) show(i schema.Item) {
	fmt.Fprintf(c.out, "%s (%s)\n  %s\n\n", i.Name, i.Kind, i.Doc)
	rows := [][]string{{"  registry", i.Registry + ", " + i.Site}}
	for _, r := range [][]string{{"  runs against", i.Ctx}, {"  state", i.State}, {"  reaches", i.Reach}, {"  no schema", i.SchemaError}} {
		if r[1] != "" {
			rows = append(rows, r)
		}
	}
	for _, k := range sortedKeys(i.Meta) {
		rows = append(rows, []string{"  " + k, fmt.Sprint(i.Meta[k])})
	}
	c.rows(rows...)
	if i.Args != nil && i.Args.Properties != nil && i.Args.Properties.Len() > 0 {
		fmt.Fprintln(c.out, "\nfields:")
		var fields [][]string
		for p := i.Args.Properties.Oldest(); p != nil; p = p.Next() {
			need := ""
			if slices.Contains(i.Args.Required, p.Key) {
				need = "required"
			}
			fields = append(fields, []string{"  " + p.Key, typeOf(i.Args, p.Value), need, p.Value.Description})
		}
		c.rows(fields...)
	}
	for _, x := range i.Examples {
		fmt.Fprintf(c.out, "\nexample:\n  %s\n", indented(x, "  "))
	}
}

// typeOf says in a word or two what a schema allows.
func typeOf(root, s *schema.Schema) string {
	return (&typeNames{root, map[string]bool{}}).of(s)
}

// typeNames looks every definition up once: they may refer to themselves.
type typeNames struct {
	root   *schema.Schema
	looked map[string]bool
}

func (n *typeNames) of(s *schema.Schema) string {
	switch {
	case len(s.Enum) > 0:
		var values []string
		for _, v := range s.Enum {
			values = append(values, fmt.Sprintf("%q", v))
		}
		return strings.Join(values, "|")
	case strings.HasSuffix(s.Ref, "/list"):
		return "effects"
	case s.Ref != "":
		name := s.Ref[strings.LastIndex(s.Ref, "/")+1:]
		if strings.HasPrefix(name, "reference.") {
			return "placeholder"
		}
		def := n.root.Definitions[name]
		if def == nil || def.Type == "object" || def.Ref != "" || n.looked[name] {
			return name
		}
		n.looked[name] = true
		return n.of(def)
	case len(s.AnyOf) > 0:
		var parts []string
		for _, a := range s.AnyOf {
			if t := n.of(a); !slices.Contains(parts, t) {
				parts = append(parts, t)
			}
		}
		return strings.Join(parts, "|")
	case s.Type == "array" && s.Items != nil:
		return n.of(s.Items) + "[]"
	}
	return cmp.Or(s.Type, "any")
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (c *cli) grep(fs *flag.FlagSet) func(context.Context, []string) error {
	re := fs.Bool("e", false, "take the text as a regular expression")
	return func(ctx context.Context, args []string) error {
		text, err := one(args, "a text to look for")
		if err != nil {
			return err
		}
		q := url.Values{"q": {text}}
		if *re {
			q = url.Values{"re": {text}}
		}
		var found []schema.Match
		done, err := c.fetch(ctx, "/grep", q, &found)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return &answerNo{"nothing matches"}
		}
		if done {
			return nil
		}
		rows := [][]string{{"NAME", "WHERE", "TEXT"}}
		for _, m := range found {
			for _, h := range m.Hits {
				rows = append(rows, []string{m.Item.Name, h.Field, around(h)})
			}
		}
		c.rows(rows...)
		return nil
	}
}

// around shows a hit with some text around it, on one line.
func around(h schema.Hit) string {
	const around = 40
	start := min(max(0, h.Start-around), len(h.Text))
	end := min(max(start, h.End+around), len(h.Text))
	return strings.ToValidUTF8(strings.ReplaceAll(h.Text[start:end], "\n", " "), "")
}

func (c *cli) sample(fs *flag.FlagSet) func(context.Context, []string) error {
	n := fs.Int("n", 1, "how many")
	seed := fs.Uint64("seed", 1, "the same seed gives the same samples")
	return func(ctx context.Context, args []string) error {
		name, err := one(args, "a name")
		if err != nil {
			return err
		}
		var samples []json.RawMessage
		q := url.Values{"name": {name}, "n": {strconv.Itoa(*n)}, "seed": {strconv.FormatUint(*seed, 10)}}
		if done, err := c.fetch(ctx, "/sample", q, &samples); done {
			return err
		}
		for _, s := range samples {
			if err := c.printJSON(s); err != nil {
				return err
			}
		}
		return nil
	}
}

func (c *cli) schemas(*flag.FlagSet) func(context.Context, []string) error {
	return func(ctx context.Context, args []string) error {
		name, err := atMostOne(args, "one name")
		if err != nil {
			return err
		}
		q := url.Values{}
		if name != "" {
			q.Set("name", name)
		}
		var document json.RawMessage
		done, err := c.fetch(ctx, "/schemas", q, &document)
		if done || err != nil {
			return err
		}
		return c.printJSON(document)
	}
}
