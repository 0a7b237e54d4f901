package house

import (
	"strings"
	"testing"
)

// order is the layers of AGENTS.md from the bottom up. A package imports only
// what stands before it.
var order = []string{
	"internal/jsonfields", "internal/core", "internal/near", "internal/excerpt", "internal/lastof", "internal/jsonread", "internal/datastarjs", "internal/plainjson", "internal/weburl",
	"effect", "registry", "dispatch", "effect/effecttest", "internal/flight",
	"schema",
	"sse/gzipcast", "sse", "sse/compress", "sse/lag",
	"relay", "relay/relaytest", "relay/natsrelay",
	"twk", "twk/attr", "twk/twktest",
	".", "telemetry", "sferetest",
	"inspect/record", "inspect/console", "inspect/httpapi", "inspect/mcp", "inspect",
}

// outside are the packages of programs and tests, which nothing may import.
var outside = []string{"cmd/", "examples/", "docs", "internal/"}

// apart lists who may import a module that is too heavy for everybody.
var apart = map[string][]string{
	"github.com/modelcontextprotocol/go-sdk": {"inspect/mcp"},
	"github.com/andybalholm/brotli":          {"sse/compress"},
	"github.com/jellydator/ttlcache":         {"."},
	"github.com/starfederation/datastar-go":  {}, // the oracle of tests
	"github.com/chromedp":                    {"internal/browser"},
	"modernc.org/sqlite":                     {"examples/kanban"},
	"github.com/nats-io":                     {"relay/natsrelay"},
	"go.opentelemetry.io":                    {"telemetry", "examples/kanban"},
}

func TestImportDirection(t *testing.T) {
	place := map[string]int{}
	for i, p := range order {
		place[p] = i + 1
	}
	seen := map[string]bool{}
	for _, p := range list(t, "./...") {
		name := short(p.ImportPath)
		seen[name] = true
		at := place[name]
		if at == 0 && !belongs(name, outside) {
			t.Errorf("%s has no place in the order: give it one", name)
			continue
		}
		for _, path := range p.Imports {
			for heavy, who := range apart {
				if strings.HasPrefix(path, heavy) && !belongs(name, who) {
					t.Errorf("%s imports %s, which only %v may", name, path, who)
				}
			}
			if !strings.HasPrefix(path, module) {
				if at > 0 && at <= place["dispatch"] && strings.Contains(strings.Split(path, "/")[0], ".") && name != "effect/effecttest" {
					t.Errorf("%s imports %s: up to dispatch everything is made of the standard library", name, path)
				}
				continue
			}
			other := short(path)
			switch to := place[other]; {
			case at == 0:
			case to == 0:
				t.Errorf("%s imports %s, which is no layer", name, other)
			case to >= at:
				t.Errorf("%s imports %s, which stands above it", name, other)
			}
		}
	}
	for _, p := range order {
		if !seen[p] {
			t.Errorf("%s stands in the order and is not there", p)
		}
	}
}

// A program on one machine pays for no NATS: neither what people import to write one
// nor what that imports has it.
func TestSfereNeedsNoNATS(t *testing.T) {
	for _, p := range list(t, "-deps", ".", "./twk/...", "./relay", "./relay/relaytest", "./inspect/...") {
		if strings.HasPrefix(p.ImportPath, "github.com/nats-io") {
			t.Errorf("%s is compiled into every program", p.ImportPath)
		}
	}
}

func belongs(name string, to []string) bool {
	for _, p := range to {
		if name == p || strings.HasSuffix(p, "/") && strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}
