package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sfere-go/sfere/inspect/httpapi"
)

// client talks to the API of a program.
type client struct {
	base   string
	token  string
	header http.Header
	limit  int64 // of an answer in bytes
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 20

// patience bounds one request.
const patience = 30 * time.Second

// away is an error without an answer: asking again may help.
type away struct{ err error }

func (e *away) Error() string { return fmt.Sprintf("the program does not answer: %v", e.err) }
func (e *away) Unwrap() error { return e.err }

func (c *client) get(ctx context.Context, path string, query url.Values) ([]byte, error) {
	return c.do(ctx, http.MethodGet, path, query, nil)
}

func (c *client) post(ctx context.Context, path string, body []byte) ([]byte, error) {
	return c.do(ctx, http.MethodPost, path, nil, body)
}

// parseAddress reads an address of a program.
func parseAddress(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, &misuse{fmt.Sprintf("%q is no address such as %s", text, defaultURL)}
	}
	return u, nil
}

// takeToken takes the token from an address that has one, as programs print them
// for browsers: in a header it is in no log of addresses.
func (c *client) takeToken(u *url.URL) (found bool) {
	q := u.Query()
	if !q.Has(httpapi.LoginParam) {
		return false
	}
	c.token = cmp.Or(c.token, q.Get(httpapi.LoginParam))
	q.Del(httpapi.LoginParam)
	u.RawQuery = q.Encode()
	return true
}

// address returns the address of a path of the API. What the user gave may have a
// query of its own.
func (c *client) address(path string, query url.Values) (*url.URL, error) {
	u, err := parseAddress(c.base)
	if err != nil {
		return nil, err
	}
	if c.takeToken(u) { // the address of the page; the API is below it
		u = u.JoinPath("api")
	}
	u = u.JoinPath(path)
	q := u.Query()
	for name, values := range query {
		q[name] = values
	}
	u.RawQuery = q.Encode()
	return u, nil
}

// request makes a request with what the user gave to be let in.
func (c *client) request(ctx context.Context, method string, u *url.URL, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, &misuse{err.Error()}
	}
	if err := plain(c.token); err != nil { // it may come from the environment
		return nil, &misuse{"the token: " + err.Error()}
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	for name, values := range c.header {
		req.Header[name] = values
	}
	req.Host = cmp.Or(c.header.Get("Host"), req.Host)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// roundTrip sends req. A redirection is not followed: it would take the headers
// that let the user in to an address that nobody gave, and it is not an answer of
// the API.
func roundTrip(req *http.Request) (*http.Response, error) {
	h := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := h.Do(req)
	if failed, ok := errors.AsType[*url.Error](err); ok {
		failed.URL = req.URL.Redacted()
	}
	if err != nil {
		return nil, &away{err}
	}
	return resp, nil
}

func (c *client) do(ctx context.Context, method, path string, query url.Values, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	u, err := c.address(path, query)
	if err != nil {
		return nil, err
	}
	req, err := c.request(ctx, method, u, body)
	if err != nil {
		return nil, err
	}
	resp, err := roundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, c.limit+1))
	if err != nil {
		return nil, &away{fmt.Errorf("reading the answer: %w", err)}
	}
	if int64(len(text)) > c.limit {
		return nil, fmt.Errorf("the answer has more than %d bytes: ask for less, with a pattern, a name or -n", c.limit)
	}
	if resp.StatusCode == http.StatusOK {
		return text, nil
	}
	return nil, c.turnedDown(u, resp, text)
}

// turnedDown says what an answer means that is not 200.
func (c *client) turnedDown(u *url.URL, resp *http.Response, text []byte) error {
	var p httpapi.Problem
	ours := json.Unmarshal(text, &p) == nil && p.Error != ""
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		// It may be the guard, or something that stands in front of the program.
		hint := ""
		if c.token == "" && len(c.header) == 0 {
			hint = "; a token goes into -token or $SFERE_TOKEN, a cookie into -header"
		}
		return fmt.Errorf("refused: %s%s", cmp.Or(p.Error, reason(resp, text), resp.Status), hint)
	case code >= 300 && code < 400:
		return fmt.Errorf("%s answers %s to %s: is this the address of the API, and are you let in?", u.Redacted(), resp.Status, resp.Header.Get("Location"))
	case !ours:
		return fmt.Errorf("%s answers %s: is this the address of the API?", u.Redacted(), resp.Status)
	case code == http.StatusBadRequest:
		return &misuse{p.Error}
	case code == http.StatusUnprocessableEntity && len(p.Problems) == 1 && p.Problems[0].Pointer == "/to":
		return &misuse{p.Problems[0].Message}
	case code == http.StatusNotFound || code == http.StatusMisdirectedRequest || code == http.StatusConflict || code == http.StatusUnprocessableEntity:
		return &answerNo{problems(p)}
	}
	return fmt.Errorf("%s: %s", resp.Status, p.Error)
}

// reason is the text of a refusal that is a short one.
func reason(resp *http.Response, text []byte) string {
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") || len(text) > 500 {
		return ""
	}
	why := strings.TrimSpace(string(text))
	if _, after, ok := strings.Cut(why, "refused: "); ok {
		why = after
	}
	return line(why)
}

// problems lists the problems, one to a line, or else the error.
func problems(p httpapi.Problem) string {
	if len(p.Problems) == 0 {
		return p.Error
	}
	var out strings.Builder
	out.WriteString("not valid")
	for _, problem := range p.Problems {
		out.WriteString("\n" + line(problem.String()))
	}
	return out.String()
}

// notAsked is the error for JSON of another shape.
func notAsked(err error) error { return fmt.Errorf("the answer is not what was asked for: %w", err) }

// fetch gets an answer into v, or prints it if JSON is wanted; done tells which.
func (c *cli) fetch(ctx context.Context, path string, q url.Values, v any) (done bool, err error) {
	text, err := c.get(ctx, path, q)
	if err != nil {
		return true, err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return true, notAsked(err)
	}
	if c.json {
		err = c.printJSON(text)
	}
	return c.json, err
}
