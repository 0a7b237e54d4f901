package twktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/sfere-go/sfere/twk"
)

// Request returns a request for calling a handler function directly: as the
// Datastar client makes it, and as the handler sees it behind a bridge. See
// [HTTPRequest] for the arguments. Paths are not matched to patterns; a handler
// that reads PathValue needs r.SetPathValue first.
func Request(method, target string, signals any, cookies ...*http.Cookie) *twk.Request {
	r, err := twk.NewRequest(served(HTTPRequest(method, target, signals, cookies...)), 0)
	if err != nil {
		panic(fmt.Sprintf("twktest.Request: %v", err))
	}
	return r
}

// HTTPRequest returns a request as the Datastar client makes it, for [Serve],
// [Open] or an http.Client: with the signals of the page in the query for GET and
// DELETE, else in the body.
//
// target is a path, or a URL for a real server. signals are marshalled as JSON
// and have to be an object; nil is a page without any. More can be set on the
// result before it is sent. HTTPRequest panics if the arguments make no request,
// as httptest.NewRequest does.
func HTTPRequest(method, target string, signals any, cookies ...*http.Cookie) *http.Request {
	if signals == nil {
		signals = struct{}{}
	}
	object, err := json.Marshal(signals)
	if err == nil && !bytes.HasPrefix(object, []byte("{")) {
		err = fmt.Errorf("signals are %.40s, want an object", object)
	}
	var body io.Reader
	query := method == http.MethodGet || method == http.MethodDelete
	if query {
		sep := "?"
		if strings.Contains(target, "?") {
			sep = "&"
		}
		target += sep + "datastar=" + url.QueryEscape(string(object))
	} else {
		body = bytes.NewReader(object)
	}
	r, failed := http.NewRequest(method, target, body)
	if err == nil {
		err = failed
	}
	if err != nil {
		panic(fmt.Sprintf("twktest.HTTPRequest: %v", err))
	}
	r.Header.Set("Datastar-Request", "true")
	r.Header.Set("Accept", "text/event-stream, text/html, application/json")
	if !query {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return r
}

// served returns r as a server would get it.
func served(r *http.Request) *http.Request {
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	if in.Host == "" {
		in.Host = "example.com"
	}
	if in.RemoteAddr == "" {
		in.RemoteAddr = "192.0.2.1:1234" // reserved for documentation
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	return in
}
