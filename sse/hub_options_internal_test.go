package sse

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Options that make no sense mean the defaults, and a warning names each with its
// value and a remedy.
func TestHubOptions(t *testing.T) {
	defaults := HubOptions{MaxFrames: 512, MaxBytes: 1 << 20, Overflow: Disconnect, WriteTimeout: 10 * time.Second, Heartbeat: 15 * time.Second, Writers: runtime.GOMAXPROCS(0)}
	other := HubOptions{MaxFrames: 1, MaxBytes: 1, Overflow: DropOldest, WriteTimeout: -1, Heartbeat: -1, Writers: -1}
	zip := Compressor{Encoding: "x", New: func(io.Writer) io.WriteCloser { return nil }}
	zipped := defaults
	zipped.PerStream = []Compressor{zip}
	tests := []struct {
		reason string
		opts   *HubOptions
		want   HubOptions
		warns  []string
	}{
		{"nil means the defaults", nil, defaults, nil},
		{"what is set stays", &other, other, nil},
		{"a bound below zero", &HubOptions{MaxFrames: -1, MaxBytes: -2}, defaults, []string{"HubOptions.MaxFrames is -1", "HubOptions.MaxBytes is -2"}},
		{"too many events, or fewer than none", &HubOptions{Record: 1001}, defaults, []string{"HubOptions.Record is 1001"}},
		{"a word that is none", &HubOptions{Overflow: "drop"}, defaults, []string{`HubOptions.Overflow is \"drop\"`}},
		{"a unit was forgotten", &HubOptions{Heartbeat: 15, WriteTimeout: 10}, defaults, []string{"HubOptions.WriteTimeout is 10ns", "HubOptions.Heartbeat is 15ns"}},
		{"it would panic when a stream opens", &HubOptions{PerStream: []Compressor{{Encoding: "br"}, zip}}, zipped, []string{"HubOptions.PerStream"}},
	}
	before := slog.Default()
	defer slog.SetDefault(before)
	for _, tt := range tests {
		var logs bytes.Buffer
		slog.SetDefault(slog.New(slog.NewTextHandler(&logs, nil)))
		got := NewHub(tt.opts).opts
		if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty(), cmp.Comparer(func(a, b Compressor) bool { return a.Encoding == b.Encoding })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
		}
		if got := strings.Count(logs.String(), "level=WARN"); got != len(tt.warns) {
			t.Errorf("%s: %d warnings, want %d", tt.reason, got, len(tt.warns))
		}
		for _, want := range tt.warns {
			if !strings.Contains(logs.String(), want) {
				t.Errorf("%s: no %q in %s", tt.reason, want, logs.String())
			}
		}
	}
}

// So do those of a server, where a forgotten unit would turn off the bound on
// silent clients.
func TestServerOptionsAreChecked(t *testing.T) {
	before := slog.Default()
	defer slog.SetDefault(before)
	var logs bytes.Buffer
	slog.SetDefault(slog.New(slog.NewTextHandler(&logs, nil)))
	var got, want http.Server
	ConfigureServer(&got, &ServerOptions{ReadHeaderTimeout: 10, IdleTimeout: 120, PeerTimeout: 20, PingAfter: 10, PingTimeout: 10})
	for _, name := range []string{"ReadHeaderTimeout", "IdleTimeout", "PeerTimeout", "PingAfter", "PingTimeout"} {
		if !strings.Contains(logs.String(), "ServerOptions."+name+" is ") {
			t.Errorf("no warning of %s", name)
		}
	}
	ConfigureServer(&want, nil)
	if got.ReadHeaderTimeout != want.ReadHeaderTimeout || got.IdleTimeout != want.IdleTimeout || got.HTTP2.SendPingTimeout != want.HTTP2.SendPingTimeout || got.HTTP2.PingTimeout != want.HTTP2.PingTimeout {
		t.Errorf("%v, %v, %+v are not the defaults", got.ReadHeaderTimeout, got.IdleTimeout, got.HTTP2)
	}
}
