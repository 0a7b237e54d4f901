package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/inspect/mcp"
	"github.com/sfere-go/sfere/internal/consoletest"
)

// guarded serves the MCP of a program at /mcp to whoever has the token.
func guarded(p *consoletest.Program) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/mcp", mcp.Handler(p.Console, &mcp.Options{Guard: httpapi.ByToken("abc", httpapi.Write)}))
	return mux
}

// host starts the command in this process, as a host of a model starts it in
// another one, and returns the client of the SDK at its standard input and output.
func host(t *testing.T, token, url string) (*sdk.ClientSession, error) {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	done := make(chan int, 1)
	go func() {
		done <- run(context.WithoutCancel(t.Context()), []string{"mcp", "-token", token, url}, inR, outW, io.Discard, func(string) string { return "" })
		_ = outW.Close()
	}()
	t.Cleanup(func() {
		_ = inW.Close()
		if code := <-done; code != exitOK {
			t.Errorf("sfere mcp ends with %d", code)
		}
	})
	return sdk.NewClient(&sdk.Implementation{Name: "tester", Version: "1"}, nil).Connect(t.Context(), &sdk.IOTransport{Reader: outR, Writer: inW}, nil)
}

// explore does what a model does, and sends at the end.
func explore(t *testing.T, s *sdk.ClientSession, p *consoletest.Program) {
	t.Helper()
	var names []string
	for tool, err := range s.Tools(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, tool.Name)
	}
	if !slices.Contains(names, "send") || !slices.Contains(names, "describe") {
		t.Errorf("tools %v", names)
	}
	ann := p.Join(t, "ann")
	res, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: "send", Arguments: map[string]any{
		"to": "*/lobby/*", "effects": []any{map[string]any{"effect": "twk/patch-signals", "args": map[string]any{"signals": map[string]any{"n": 1}}}},
	}})
	if err != nil || res.IsError {
		t.Fatalf("send: %v %+v", err, res)
	}
	if e := ann.Next(); e.Fields()["signals"] != `{"n":1}` {
		t.Errorf("ann got %v", e)
	}
	if _, err := s.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "sfere://schema/test/mail"}); err != nil {
		t.Error(err)
	}
}

func TestBridge(t *testing.T) {
	p := consoletest.New(t, nil)
	srv := httptest.NewServer(guarded(p))
	t.Cleanup(srv.Close)
	s, err := host(t, "abc", srv.URL+"/mcp")
	if err != nil {
		t.Fatal(err)
	}
	explore(t, s, p)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := host(t, "wrong", srv.URL+"/mcp"); err == nil || !strings.Contains(err.Error(), "refused: this is not the token") {
		t.Errorf("with another token: %v", err)
	}
}

// The host stays connected while the program ends and begins again.
func TestBridgeOutlivesTheProgram(t *testing.T) {
	p := consoletest.New(t, nil)
	srv := httptest.NewServer(guarded(p))
	addr := srv.Listener.Addr().String()
	s, err := host(t, "abc", srv.URL+"/mcp")
	if err != nil {
		srv.Close()
		t.Fatal(err)
	}
	srv.CloseClientConnections()
	srv.Close()
	again := make(chan *httptest.Server)
	go func() {
		time.Sleep(50 * time.Millisecond) // the bridge finds nobody there
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Error(err)
			close(again)
			return
		}
		srv := httptest.NewUnstartedServer(guarded(p))
		_ = srv.Listener.Close()
		srv.Listener = l
		srv.Start()
		again <- srv
	}()
	res, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: "describe", Arguments: map[string]any{"name": "test/mail"}})
	if err != nil || res.IsError {
		t.Errorf("after the program has begun again: %v %+v", err, res)
	}
	if srv := <-again; srv != nil {
		srv.Close()
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// What the bridge says to a host, message by message.
func TestBridgeMessages(t *testing.T) {
	blocked := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		var m message
		_ = json.Unmarshal(text, &m)
		switch m.Method {
		case "initialize":
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, "{\"jsonrpc\":\"2.0\",\n \"id\":%s, \"result\":{\"protocolVersion\":\"2025-06-18\"}}", m.ID)
		case "version":
			w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
			fmt.Fprintf(w, ": hello\n\nevent: message\ndata: {\"jsonrpc\":\"2.0\",\ndata: \"method\":\"notifications/progress\"}\n\ndata:{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%q}\n\n",
				m.ID, r.Header.Get("Mcp-Protocol-Version")+" "+r.Header.Get("Mcp-Method")+" "+r.Header.Get("Mcp-Name"))
		case "refuse":
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, "no\x1b")
		case "error":
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32001,"message":"header"}}`, m.ID)
		case "vanish":
			w.Header().Set("Content-Type", "text/event-stream")
		case "cut":
			panic(http.ErrAbortHandler)
		case "wait":
			close(blocked)
			<-r.Context().Done()
		default:
			w.WriteHeader(http.StatusAccepted)
		}
	}))
	defer srv.Close()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	code := make(chan int, 1)
	var errs bytes.Buffer
	go func() { code <- run(t.Context(), []string{"mcp", srv.URL}, inR, outW, &errs, os.Getenv) }()
	lines := bufio.NewReader(outR)
	for _, test := range []struct {
		reason, in string
		out        []string // parts of the messages that follow
	}{
		{"the version is agreed on", `{"jsonrpc":"2.0","id":1,"method":"initialize"}`, []string{`{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18"}}`}},
		{"a notification has no answer", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, nil},
		{"an empty line", ``, nil},
		{"events are messages", `{"jsonrpc":"2.0","id":"a","method":"version"}`, []string{`{"jsonrpc":"2.0","method":"notifications/progress"}`, `"id":"a","result":"2025-06-18  "`}},
		{"a message with a version of its own", `{"jsonrpc":"2.0","id":2,"method":"version","params":{"name":"n","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`, []string{`progress`, `"result":"2026-07-28 version n"`}},
		{"a refusal", `{"jsonrpc":"2.0","id":3,"method":"refuse"}`, []string{`"id":3,"jsonrpc":"2.0"`}},
		{"a refusal in the words of the protocol", `{"jsonrpc":"2.0","id":4,"method":"error"}`, []string{`"id":4,"error":{"code":-32001,"message":"header"}`}},
		{"a stream without the answer", `{"jsonrpc":"2.0","id":5,"method":"vanish"}`, []string{`went away before it answered`}},
		{"a connection that is cut", `{"jsonrpc":"2.0","id":6,"method":"cut"}`, []string{`does not answer`}},
		{"what is no JSON", `{"jsonrpc"`, []string{`"code":-32700`}},
	} {
		if _, err := fmt.Fprintln(inW, test.in); err != nil {
			t.Fatal(err)
		}
		for _, want := range test.out {
			got, err := lines.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(got, want) {
				t.Errorf("%s: %s, want %s", test.reason, got, want)
			}
		}
	}
	// What is cancelled ends, and is not answered.
	fmt.Fprintln(inW, `{"jsonrpc":"2.0","id":7,"method":"wait"}`)
	<-blocked
	fmt.Fprintln(inW, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}`)
	_ = inW.Close()
	if got := <-code; got != exitOK {
		t.Errorf("it ends with %d: %s", got, errs.String())
	}
	go outW.Close()
	if rest, err := io.ReadAll(lines); err != nil || len(bytes.TrimSpace(rest)) != 0 {
		t.Errorf("after the last answer comes %q, %v", rest, err)
	}
}

// The real binary, started as a host starts it.
func TestBinary(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	bin := filepath.Join(t.TempDir(), "sfere")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	p := consoletest.New(t, nil)
	srv := httptest.NewServer(guarded(p))
	t.Cleanup(srv.Close)
	cmd := exec.CommandContext(t.Context(), bin, "mcp")
	cmd.Env = append(os.Environ(), "SFERE_URL="+srv.URL+"/inspect/?token=abc")
	s, err := sdk.NewClient(&sdk.Implementation{Name: "tester", Version: "1"}, nil).Connect(t.Context(), &sdk.CommandTransport{Command: cmd}, nil)
	if err != nil {
		t.Fatal(err)
	}
	explore(t, s, p)
	if err := s.Close(); err != nil {
		t.Error(err)
	}

	cmd = exec.CommandContext(t.Context(), bin, "describe", "-url", srv.URL)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != exitUnreachable {
		t.Errorf("at the wrong address: %v, %s", err, out)
	}

	// Ctrl-C ends tail and the bridge, and is no error.
	api := httptest.NewServer(httpapi.New(p.Console, &httpapi.Options{Guard: httpapi.ByToken("abc", httpapi.Read)}))
	t.Cleanup(api.Close)
	for _, args := range [][]string{{"tail", "-url", api.URL, "-token", "abc", "-every", "10ms"}, {"mcp", srv.URL + "/mcp"}} {
		cmd := exec.CommandContext(t.Context(), bin, args...)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(in, "x")
		if _, err := out.Read(make([]byte, 1)); err != nil { // it is there
			t.Error(err)
		}
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("sfere %s: %v", args[0], err)
		}
	}
}
