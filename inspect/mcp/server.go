package mcp

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/schema"
)

// Options adjust a server. Zero fields mean the defaults.
type Options struct {
	// Name and Version are what the server calls itself. Default "sfere", "1".
	Name, Version string
	// AllowSend offers the tool send, which runs effects. Default off.
	AllowSend bool
	// Guard decides over HTTP what a request may do: send is offered to requests
	// with Write access only. Default: httpapi.Local with the token of the console,
	// for Read, or for Write if AllowSend is set.
	Guard httpapi.Guard
	// Logger is told of what the server does. Default: nobody is.
	Logger *slog.Logger
}

func (o *Options) withDefaults() Options {
	var v Options
	if o != nil {
		v = *o
	}
	if v.Name == "" {
		v.Name = "sfere"
	}
	if v.Version == "" {
		v.Version = "1"
	}
	return v
}

const instructions = `This server looks into a running program whose effects are data: {"effect": name, "args": {...}}.
Find effects with grep or describe, look at one with describe and its name, start from a sample, check with validate, and see with dry_run exactly what would be sent to whom; nothing changes by it.
Live connections have keys scope/category/id; a pattern leaves parts open, as in */lobby/*. To reach connections, give dry_run or send a pattern in "to".
What the program did lately, and why something failed, is in dispatches; one by its number ("seq") shows all of it.
Actions expand to effects. A field may take {"$placeholder": name, "args": {...}} where its schema says so.`

// NewServer returns an MCP server for c; nil means the default options. It may
// serve any number of sessions.
func NewServer(c *console.Console, o *Options) *sdk.Server {
	v := o.withDefaults()
	s := sdk.NewServer(&sdk.Implementation{Name: v.Name, Version: v.Version}, &sdk.ServerOptions{
		Instructions: instructions, Logger: v.Logger, Capabilities: &sdk.ServerCapabilities{},
	})
	t := &tools{console: c}
	t.add(s, v.AllowSend)
	resources(s, c)
	return s
}

// Stdio serves c over standard input and output until the client goes or ctx
// ends. Nothing else may write to standard output meanwhile.
func Stdio(ctx context.Context, c *console.Console, o *Options) error {
	return NewServer(c, o).Run(ctx, &sdk.StdioTransport{})
}

// Handler serves c over streamable HTTP; nil means the default options. Sessions
// of requests that may send and of those that may not are apart.
func Handler(c *console.Console, o *Options) http.Handler {
	v := o.withDefaults()
	serve := func(send bool) http.Handler {
		o := v
		o.AllowSend = send
		server := NewServer(c, &o)
		return sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return server }, &sdk.StreamableHTTPOptions{Logger: v.Logger})
	}
	readers, writers := serve(false), serve(v.AllowSend)
	if v.Guard == nil {
		v.Guard = httpapi.Local(c.Token(), httpapi.Read)
		if v.AllowSend {
			v.Guard = httpapi.Local(c.Token(), httpapi.Write)
		}
	}
	return httpapi.Gate{Console: c, Via: "mcp", Guard: v.Guard}.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if httpapi.CallerOf(r.Context()).Access >= httpapi.Write {
			writers.ServeHTTP(w, r)
			return
		}
		readers.ServeHTTP(w, r)
	}))
}

// registryURI is the resource that is the schema of all lists.
const (
	registryURI = "sfere://registry"
	schemaURI   = "sfere://schema/"
)

// resources adds the schemas.
func resources(s *sdk.Server, c *console.Console) {
	add := func(uri, name, doc string, document *schema.Schema) {
		r := &sdk.Resource{URI: uri, Name: name, Description: doc, MIMEType: "application/schema+json"}
		s.AddResource(r, func(context.Context, *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
			text, err := json.MarshalIndent(document, "", "  ")
			if err != nil {
				return nil, err
			}
			return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{{URI: uri, MIMEType: r.MIMEType, Text: string(text)}}}, nil
		})
	}
	add(registryURI, "registry", "JSON Schema of every list of effects.", c.Document())
	for _, i := range c.Describe() {
		if i.Args != nil {
			add(schemaURI+i.Name, i.Name, "JSON Schema of the arguments: "+i.Doc, i.Args)
		}
	}
}
