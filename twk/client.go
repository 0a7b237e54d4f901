package twk

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"os"
	"strings"

	"github.com/sfere-go/sfere/internal/datastarjs"
)

// ClientVersion is the release of the Datastar client that this package is written
// and tested for.
const ClientVersion = datastarjs.Version

// Client says where pages load the Datastar client from. The zero Client is the
// pinned release on its public CDN, whose content the browser checks by its hash.
// A program that wants another release names its address and its hash. Client is
// a value; copies may be used from any goroutine.
type Client struct {
	// URL is the address of the script. Default: ClientVersion on its public CDN.
	URL string
	// Integrity is the hash that the browser checks, such as "sha256-...".
	// Default: that of ClientVersion if URL is empty, none for other addresses.
	Integrity string
	// Handler serves URL if that is a path of the program's own. Default: nil,
	// the program does not serve it.
	Handler http.Handler
}

// ClientFromFile returns a client that the program serves itself, at
// /datastar.js, from the content that the file at path has now, whatever release
// that is. The error is that of reading the file.
func ClientFromFile(path string) (Client, error) {
	js, err := os.ReadFile(path)
	if err != nil {
		return Client{}, &Error{Op: "reading the Datastar client", Err: err}
	}
	sum := sha256.Sum256(js)
	return Client{
		URL:       "/datastar.js",
		Integrity: "sha256-" + base64.StdEncoding.EncodeToString(sum[:]),
		Handler:   datastarjs.Handler(js),
	}, nil
}

// FindClient returns the client that a command-line flag names: the address of a
// script, if it has a "://" in it, or else a file ([ClientFromFile]).
//
// An empty flag means the pinned release. FindClient looks for it in the file
// that $DATASTAR_JS names, then in the user's cache folder, then on the CDN,
// for 10 s at most, and checks its hash in any case. The program then serves
// it. If it cannot be found, FindClient returns the zero Client, because the
// browser may reach what the program cannot.
func FindClient(ctx context.Context, flag string) (Client, error) {
	switch {
	case strings.Contains(flag, "://"):
		return Client{URL: flag}, nil
	case flag != "":
		return ClientFromFile(flag)
	}
	js, err := datastarjs.Load(ctx)
	if err != nil {
		return Client{}, nil
	}
	return Client{URL: "/datastar.js", Integrity: datastarjs.Integrity, Handler: datastarjs.Handler(js)}, nil
}

// Address returns where pages load the script from.
func (c Client) Address() string { return cmp.Or(c.URL, datastarjs.URL) }

// Script returns the tag that loads the client. It belongs in the head of a
// page.
func (c Client) Script() HTML { return c.ScriptNonce("") }

// ScriptNonce is [Client.Script] for a page whose content security policy asks for
// a nonce.
func (c Client) ScriptNonce(nonce string) HTML {
	if c.Integrity == "" && c.Address() == datastarjs.URL {
		c.Integrity = datastarjs.Integrity
	}
	var b strings.Builder
	add := func(name, value string) { fmt.Fprintf(&b, ` %s="%s"`, name, html.EscapeString(value)) }
	b.WriteString(`<script type="module"`)
	add("src", c.Address())
	if c.Integrity != "" {
		add("integrity", c.Integrity)
		add("crossorigin", "anonymous")
	}
	if nonce != "" {
		add("nonce", nonce)
	}
	b.WriteString("></script>")
	return HTML(b.String())
}
