//go:build linux

package machines

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// roleEnv makes the test binary one of the processes: a config in JSON.
const roleEnv = "SFERE_MACHINE"

// config is what a process is told.
type config struct {
	Role string // "node" or "nats"
	Name string
	IP   string // of the process in a network of its own; empty for that of the test

	// Of a node.
	NATS    []string // URLs, the first is tried first
	State   string   // the directory that stands for the database
	Version int      // of the program
	Beat    time.Duration
	Window  time.Duration // of the shutdown
	Notice  time.Duration // for which it goes on serving first
	Page    bool          // it serves the Datastar client

	// Of a server.
	Listen  string // host:port
	Cluster string // host:port for the other servers; empty for one alone
	Routes  []string
}

func TestMain(m *testing.M) {
	if text := os.Getenv(roleEnv); text != "" {
		os.Exit(play(text))
	}
	goleak.VerifyTestMain(m)
}

// play is the process that text says.
func play(text string) int {
	var c config
	err := json.Unmarshal([]byte(text), &c)
	go func() { // the pipe ends with the test
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}()
	if err == nil && c.IP != "" {
		err = enterNetwork(c.IP)
	}
	if err == nil {
		switch c.Role {
		case "nats":
			err = serveNATS(c)
		case "node":
			err = serveNode(c)
		default:
			err = fmt.Errorf("there is no role %q", c.Role)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, c.Name+":", err)
		return 1
	}
	return 0
}
