package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// mcp serves a host that only starts processes: what comes on standard input goes
// to the program, and what that answers to standard output.
func (c *cli) mcp(*flag.FlagSet) func(context.Context, []string) error {
	return func(ctx context.Context, args []string) error {
		given, err := atMostOne(args, "one address")
		if err != nil {
			return err
		}
		u, err := parseAddress(cmp.Or(given, c.env("SFERE_MCP_URL"), c.base))
		if err != nil {
			return err
		}
		c.takeToken(u)
		if given == "" && c.env("SFERE_MCP_URL") == "" { // beside the API
			u.Path, u.RawPath, u.RawQuery = "/mcp", "", ""
		}
		b := &bridge{cli: c, to: u, running: map[string]context.CancelFunc{}}
		return b.serve(ctx)
	}
}

// bridge carries messages of the Model Context Protocol between standard input
// and output and the address to. The program keeps no sessions, so it may end and
// begin again meanwhile.
type bridge struct {
	*cli
	to *url.URL

	writing sync.Mutex // held while a message is written; a host may be slow to read

	mu      sync.Mutex                    // guards the fields below
	running map[string]context.CancelFunc // requests without an answer, by their id
	version string                        // of the protocol, once it is agreed on
}

const (
	// maxMessage bounds a message from the host in bytes.
	maxMessage = 16 << 20
	// restart is how long a request waits for a program that is not there.
	restart = 10 * time.Second
	// callPatience bounds one request.
	callPatience = 5 * time.Minute
	// farewell bounds how long answers are waited for once the host has closed
	// standard input.
	farewell = 5 * time.Second
	// sinceHeaders is the version of the protocol that wants the method in a header.
	sinceHeaders = "2026-07-28"
)

// message is what the bridge looks at of one. See parse.
type message struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		RequestID json.RawMessage `json:"requestId"`
		Name      string          `json:"name"`
		URI       string          `json:"uri"`
		Meta      struct {
			Version string `json:"io.modelcontextprotocol/protocolVersion"`
		} `json:"_meta"`
	} `json:"params"`
	Result struct {
		ProtocolVersion string `json:"protocolVersion"`
	} `json:"result"`
}

// parse reads a message. Fields that are something else than the bridge knows stay
// empty: what they are is for the program to judge.
func parse(text []byte) (m message, err error) {
	err = json.Unmarshal(text, &m)
	if _, other := errors.AsType[*json.UnmarshalTypeError](err); other {
		err = nil
	}
	return m, err
}

// serve runs until the host closes standard input, and everything is answered, or
// until ctx ends.
func (b *bridge) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var requests sync.WaitGroup
	defer requests.Wait()
	defer cancel()
	lines, end := b.lines(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case text := <-lines:
			b.handle(ctx, &requests, text)
		case err := <-end:
			if err != nil {
				return fmt.Errorf("reading standard input: %w", err)
			}
			// A request that never ends, as one that listens, must not keep us.
			defer time.AfterFunc(farewell, cancel).Stop()
			requests.Wait()
			return nil
		}
	}
}

// lines reads standard input. Its goroutine ends with the input. When ctx ends the
// input is closed; where that does not end the read, as with a pipe of another
// process, the goroutine ends with this process.
func (b *bridge) lines(ctx context.Context) (lines <-chan []byte, end <-chan error) {
	out, done := make(chan []byte), make(chan error, 1)
	go func() {
		if in, ok := b.in.(io.Closer); ok {
			defer context.AfterFunc(ctx, func() { _ = in.Close() })()
		}
		in := bufio.NewScanner(b.in)
		in.Buffer(nil, maxMessage)
		for in.Scan() {
			select {
			case out <- bytes.Clone(bytes.TrimSpace(in.Bytes())):
			case <-ctx.Done():
				return
			}
		}
		done <- in.Err()
	}()
	return out, done
}

// handle begins to do what a line of the host asks for.
func (b *bridge) handle(ctx context.Context, requests *sync.WaitGroup, text []byte) {
	if len(text) == 0 {
		return
	}
	m, err := parse(text)
	if err != nil {
		b.fail(json.RawMessage("null"), -32700, "this is no JSON: "+err.Error())
		return
	}
	if m.Method == "notifications/cancelled" {
		b.finish(m.Params.RequestID)
		return
	}
	call, stop := context.WithTimeout(ctx, callPatience)
	b.begin(m, stop)
	requests.Go(func() {
		defer stop()
		b.forward(call, m, text)
	})
}

// begin notes a request that wants an answer.
func (b *bridge) begin(m message, stop context.CancelFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if m.wantsAnswer() {
		b.running[string(m.ID)] = stop
	}
}

func (m message) wantsAnswer() bool {
	return m.Method != "" && len(m.ID) > 0 && string(m.ID) != "null"
}

// finish ends the request with this id, and reports whether it was running still.
func (b *bridge) finish(id json.RawMessage) bool {
	b.mu.Lock()
	stop, ok := b.running[string(id)]
	delete(b.running, string(id))
	b.mu.Unlock()
	if ok {
		stop()
	}
	return ok
}

// forward sends one message to the program and its answers to the host.
func (b *bridge) forward(ctx context.Context, m message, text []byte) {
	resp, err := b.send(ctx, m, text)
	if err == nil {
		err = b.answers(m, resp)
	}
	if !m.wantsAnswer() {
		if err != nil {
			b.complain(err)
		}
		return
	}
	if err == nil {
		err = errors.New("the program went away before it answered; whether it did what was asked is not known")
	}
	if b.finish(m.ID) { // neither answered nor cancelled
		b.fail(m.ID, -32000, err.Error())
	}
}

// send posts a message. If the program is not there at all, as while it is built
// again, it waits a while: nothing was sent then.
func (b *bridge) send(ctx context.Context, m message, text []byte) (*http.Response, error) {
	for end := time.Now().Add(restart); ; {
		req, err := b.request(ctx, http.MethodPost, b.to, text)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Accept", "application/json, text/event-stream")
		if version := cmp.Or(m.Params.Meta.Version, b.agreed()); version != "" {
			req.Header.Set("Mcp-Protocol-Version", version)
			if version >= sinceHeaders {
				req.Header.Set("Mcp-Method", m.Method)
				if name := cmp.Or(m.Params.Name, m.Params.URI); name != "" {
					req.Header.Set("Mcp-Name", name)
				}
			}
		}
		resp, err := roundTrip(req)
		var dial *net.OpError
		if err == nil || !errors.As(err, &dial) || dial.Op != "dial" || time.Now().After(end) {
			return resp, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(restart / 40):
		}
	}
}

func (b *bridge) agreed() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.version
}

// answers passes on what the program says to one message. An error is an answer
// that is none.
func (b *bridge) answers(m message, resp *http.Response) error {
	defer resp.Body.Close()
	kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	if resp.StatusCode == http.StatusOK && kind == "text/event-stream" {
		return b.events(m, resp.Body)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, b.limit+1))
	switch {
	case err != nil:
		return &away{fmt.Errorf("reading the answer: %w", err)}
	case int64(len(text)) > b.limit:
		return fmt.Errorf("the answer has more than %d bytes: ask for less", b.limit)
	case resp.StatusCode == http.StatusAccepted || resp.StatusCode == http.StatusNoContent:
		return nil
	case kind == "application/json" && isMessage(text):
		return b.pass(m, text)
	}
	return b.turnedDown(b.to, resp, text)
}

// isMessage reports whether text is a message of JSON-RPC; refusals may be, too.
func isMessage(text []byte) bool {
	var v struct {
		JSONRPC string `json:"jsonrpc"`
	}
	return json.Unmarshal(text, &v) == nil && v.JSONRPC == "2.0"
}

// events passes on the messages of a stream of events.
func (b *bridge) events(m message, body io.Reader) error {
	in := bufio.NewScanner(body)
	in.Buffer(nil, int(b.limit))
	var data []byte
	for in.Scan() {
		switch text := in.Bytes(); {
		case bytes.HasPrefix(text, []byte("data:")):
			data = append(data, bytes.TrimPrefix(text[len("data:"):], []byte(" "))...)
			data = append(data, '\n')
		case len(text) == 0 && len(data) > 0:
			if err := b.pass(m, data); err != nil {
				return err
			}
			data = nil
		}
	}
	return in.Err()
}

// pass writes a message of the program, if it still is wanted.
func (b *bridge) pass(m message, text []byte) error {
	var one bytes.Buffer
	if err := json.Compact(&one, text); err != nil {
		return notAsked(err)
	}
	if answer, err := parse(one.Bytes()); err == nil && m.wantsAnswer() && answer.Method == "" && string(answer.ID) == string(m.ID) {
		if !b.finish(m.ID) {
			return nil // it was cancelled
		}
		if m.Method == "initialize" && answer.Result.ProtocolVersion != "" {
			b.mu.Lock()
			b.version = answer.Result.ProtocolVersion
			b.mu.Unlock()
		}
	}
	return b.write(one.Bytes())
}

// write gives the host one message.
func (b *bridge) write(text []byte) error {
	b.writing.Lock()
	defer b.writing.Unlock()
	_, err := b.raw.Write(append(text, '\n'))
	return err
}

// fail answers a request of the host with an error.
func (b *bridge) fail(id json.RawMessage, code int, text string) {
	out, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": id, "error": map[string]any{"code": code, "message": "sfere mcp: " + text}})
	if err == nil {
		err = b.write(out)
	}
	if err != nil {
		b.complain(err)
	}
}

// complain says what no answer can say.
func (b *bridge) complain(err error) {
	b.writing.Lock()
	defer b.writing.Unlock()
	fmt.Fprintln(b.err, "sfere: "+line(err.Error()))
}
