package sfere_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
)

// browser stands for the Datastar clients of an example.
type browser struct {
	srv    *httptest.Server
	bodies []io.Closer
}

func browse(h http.Handler) *browser { return &browser{srv: httptest.NewServer(h)} }

// quit closes all pages.
func (b *browser) quit() {
	for _, body := range b.bodies {
		body.Close()
	}
	b.srv.CloseClientConnections()
	b.srv.Close()
}

// page is one open stream.
type page struct {
	name  string
	lines *bufio.Scanner
}

// open requests a path and returns its stream.
func (b *browser) open(name, path string) *page {
	req, err := http.NewRequest("GET", b.srv.URL+path, nil)
	if err != nil {
		panic(err)
	}
	req.Header.Set("Datastar-Request", "true")
	res, err := b.srv.Client().Do(req)
	if err != nil {
		panic(err)
	}
	b.bodies = append(b.bodies, res.Body)
	return &page{name, bufio.NewScanner(res.Body)}
}

// post sends a request without a body and waits for the end of the answer.
func (b *browser) post(path string) {
	req, err := http.NewRequest("POST", b.srv.URL+path, nil)
	if err != nil {
		panic(err)
	}
	req.Header.Set("Datastar-Request", "true")
	res, err := b.srv.Client().Do(req)
	if err != nil {
		panic(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	res.Body.Close()
}

// next returns the data of the next event.
func (p *page) next() string {
	var data []string
	for p.lines.Scan() && (p.lines.Text() != "" || data == nil) {
		if d, ok := strings.CutPrefix(p.lines.Text(), "data: "); ok {
			data = append(data, d)
		}
	}
	return strings.Join(data, "; ")
}

// show prints the data of the next n events.
func (p *page) show(n int) {
	for range n {
		fmt.Printf("%s: %s\n", p.name, p.next())
	}
}
