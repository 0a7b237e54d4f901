package main

import (
	"bytes"
	"context"
	"encoding/json"
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
	header http.Header
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 20

func (c *client) get(ctx context.Context, path string, query url.Values) ([]byte, error) {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return c.do(ctx, http.MethodGet, path, nil)
}

func (c *client) do(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.base, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, &misuse{err.Error()}
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, values := range c.header {
		req.Header[name] = values
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the program does not answer: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return text, nil
	}
	var p httpapi.Problem
	if json.Unmarshal(text, &p) != nil || p.Error == "" {
		return nil, fmt.Errorf("%s%s answers %s: is this the address of the API?", c.base, path, resp.Status)
	}
	switch resp.StatusCode {
	case http.StatusForbidden:
		return nil, fmt.Errorf("refused: %s", p.Error)
	case http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity:
		return nil, &answerNo{lines(p)}
	}
	return nil, fmt.Errorf("%s: %s", resp.Status, p.Error)
}

// lines lists the problems, one to a line, or else the error.
func lines(p httpapi.Problem) string {
	if len(p.Problems) == 0 {
		return p.Error
	}
	out := "not valid"
	for _, problem := range p.Problems {
		out += "\n  " + problem.String()
	}
	return out
}
