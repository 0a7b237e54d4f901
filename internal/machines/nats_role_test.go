//go:build linux

package machines

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/sfere-go/sfere/relay/natsrelay"
)

// serveNATS is a NATS server until the process ends.
func serveNATS(c config) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	host, port, err := hostPort(c.Listen)
	if err != nil {
		return err
	}
	start, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	e, err := natsrelay.StartEmbedded(start, &natsrelay.EmbeddedOptions{Host: host, Port: port, Server: func(o *server.Options) {
		o.ServerName = c.Name
		if c.Cluster == "" {
			return
		}
		o.Cluster.Name = "machines"
		o.Cluster.Host, o.Cluster.Port, _ = hostPort(c.Cluster)
		o.Cluster.ConnectRetries = 1 << 20
		for _, r := range c.Routes {
			o.Routes = append(o.Routes, server.RoutesFromStr("nats://"+r)...)
		}
		// A route that is dead without having ended is found in seconds.
		o.PingInterval, o.MaxPingsOut = time.Second, 2
		o.Cluster.PingInterval, o.Cluster.MaxPingsOut = time.Second, 2
	}})
	if err != nil {
		return err
	}
	defer e.Close()
	fmt.Fprintln(os.Stdout, ready)
	<-ctx.Done()
	return nil
}

func hostPort(s string) (string, int, error) {
	host, p, err := net.SplitHostPort(s)
	if err != nil {
		return "", 0, err
	}
	port, err := strconv.Atoi(p)
	return host, port, err
}
