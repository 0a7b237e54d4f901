package mcp_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"go.uber.org/goleak"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/mcp"
	"github.com/sfere-go/sfere/twk"
)

// serveStdio makes the test binary a server on its standard input and output.
const serveStdio = "SFERE_TEST_MCP_STDIO"

func TestMain(m *testing.M) {
	if os.Getenv(serveStdio) != "" {
		c := console.New(dispatch.Must(dispatch.New(twk.Registry(nil))), nil, nil)
		if err := mcp.Stdio(context.Background(), c, nil); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func TestStdio(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), serveStdio+"=1")
	s, err := sdk.NewClient(&sdk.Implementation{Name: "tester", Version: "1"}, nil).Connect(t.Context(), &sdk.CommandTransport{Command: cmd}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(readTools(), toolNames(t, s)); diff != "" {
		t.Errorf("tools (-want +got):\n%s", diff)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
