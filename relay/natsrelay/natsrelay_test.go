package natsrelay

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/sfere-go/sfere/relay"
)

// No test of this package may leave a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start starts a server that ends with the test.
func start(t testing.TB, o *EmbeddedOptions) *Embedded {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	e, err := StartEmbedded(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// join makes a node that ends with the test.
func join(t testing.TB, r relay.Relay, o *relay.Options) *relay.Node {
	t.Helper()
	n, err := relay.Join(context.Background(), r, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return n
}

func TestLoopback(t *testing.T) {
	for _, c := range []struct {
		servers, reason string
		want            bool
	}{
		{"nats://127.0.0.1:4222", "an address of this machine", true},
		{"localhost", "a name for it, without a scheme and a port", true},
		{"tls://user:secret@[::1]:4222", "IPv6", true},
		{"nats://127.0.0.1:4222, nats://10.0.0.1:4222", "one of several is elsewhere", false},
		{"nats://localhost.example.com", "a name that only begins so", false},
		{"nats://0.0.0.0:4222", "all addresses", false},
		{"nats://nats:4222", "a name that could be anywhere", false},
		{"", "nothing is the default of nats.go, which nobody has said", false},
	} {
		if got := loopback(c.servers); got != c.want {
			t.Errorf("%q: %s: %v", c.servers, c.reason, got)
		}
	}
}

// Where others can reach the server, a node without a key does not start.
func TestSharedServersNeedKeys(t *testing.T) {
	for _, c := range []struct {
		reason string
		o      *EmbeddedOptions
		want   error
	}{
		{"a server on this machine", nil, nil},
		{"a server that listens everywhere", &EmbeddedOptions{Host: "0.0.0.0"}, relay.ErrUnsigned},
		{"a server with leaf nodes", &EmbeddedOptions{Server: func(o *server.Options) { o.LeafNode.Host, o.LeafNode.Port = "127.0.0.1", -1 }}, relay.ErrUnsigned},
		{"a server in a cluster", &EmbeddedOptions{Server: func(o *server.Options) {
			o.Cluster.Name, o.Cluster.Host, o.Cluster.Port = "c", "127.0.0.1", -1
		}}, relay.ErrUnsigned},
	} {
		e := start(t, c.o)
		n, err := relay.Join(t.Context(), e, nil)
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: error %v, want %v", c.reason, err, c.want)
		}
		if err == nil {
			n.Close(t.Context())
		}
		// A program that connects over the network cannot see all of that, but a cluster.
		if n, err = relay.Join(t.Context(), New(e.URL(), nil), nil); err == nil {
			n.Close(t.Context())
			if strings.Contains(c.reason, "cluster") {
				t.Errorf("%s: over the network there is no error", c.reason)
			}
		}
	}
}

func TestNoServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "nats://me:secret@" + l.Addr().String()
	l.Close()
	_, err = relay.Join(t.Context(), New(url, nil), nil)
	if e, ok := errors.AsType[*Error](err); !ok || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v (%v): want an *Error without the password", err, e)
	}
}

func TestEmbeddedRefusesJetStream(t *testing.T) {
	_, err := StartEmbedded(t.Context(), &EmbeddedOptions{Server: func(o *server.Options) { o.JetStream = true }})
	if err == nil || !strings.Contains(err.Error(), "JetStream") {
		t.Errorf("error %v", err)
	}
}

// What goes into a server that is gone is refused, not kept for one that may never come.
func TestDeadServer(t *testing.T) {
	e := start(t, nil)
	events := make(chan relay.Event, 8)
	l, err := New(e.URL(), nil).Connect(t.Context(), relay.Receiver{Packet: func(relay.Packet) {}, Event: func(e relay.Event) { events <- e }})
	if err != nil {
		t.Fatal(err)
	}
	e.Close()
	if got := <-events; got != relay.Lost {
		t.Errorf("event %s", got)
	}
	if err := l.Publish(relay.Packet{Subject: "x"}); !errors.Is(err, relay.ErrDisconnected) {
		t.Errorf("publishing: error %v, want ErrDisconnected", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := l.Close(ctx); err != nil {
		t.Errorf("closing: %v", err)
	}
}

// certificate writes a certificate for this machine and its key, and returns who vouches
// for it.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	for name, b := range map[string]*pem.Block{"server.crt": {Type: "CERTIFICATE", Bytes: der}, "server.key": {Type: "EC PRIVATE KEY", Bytes: keyDER}} {
		text := pem.EncodeToMemory(b)
		pool.AppendCertsFromPEM(text)
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return pool
}

// The sample configuration lets programs talk, and nobody else.
func TestSampleConfiguration(t *testing.T) {
	conf, err := filepath.Abs("testdata/nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	pool := certificate(t, dir)
	t.Chdir(dir)
	for _, name := range []string{"SFERE", "MONITOR", "OTHER"} {
		t.Setenv(name+"_PASSWORD", strings.ToLower(name)+"-pw")
	}
	o, err := server.ProcessConfigFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	o.Host, o.Port, o.NoLog, o.NoSigs = "127.0.0.1", server.RANDOM_PORT, true, true
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server does not answer")
	}
	url := "tls://" + s.Addr().String()
	as := func(user, password string) *Relay {
		config := nats.Secure(&tls.Config{RootCAs: pool})
		return New(url, &Options{Connect: []nats.Option{nats.UserInfo(user, password), config}})
	}
	key := [][]byte{bytes.Repeat([]byte{1}, 32)}
	got := make(chan relay.Received, 8)
	room := relay.Address{Scope: "acme", Category: "room"}
	a := join(t, as("web", "sfere-pw"), &relay.Options{Keys: key})
	b := join(t, as("web", "sfere-pw"), &relay.Options{Keys: key, Receive: func(m relay.Received) { got <- m }})
	if err := errors.Join(b.Subscribe(room), b.Flush(t.Context())); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"monitor", "other"} {
		l, err := as(user, user+"-pw").Connect(t.Context(), relay.Receiver{
			Packet: func(p relay.Packet) { t.Errorf("%s has heard %s", user, p.Subject) }, Event: func(relay.Event) {},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close(t.Context())
		for _, subject := range []string{"sfere.1.all", "sfere.1.room.acme.room._"} {
			_ = l.Subscribe(subject) // may be refused later
			_ = l.Publish(relay.Packet{Subject: subject, Data: []byte("forged")})
		}
		if err := l.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := as("web", "guess").Connect(t.Context(), relay.Receiver{}); err == nil {
		t.Error("a wrong password is accepted")
	}
	if _, err := a.Send(relay.Envelope{To: room, Body: relay.Refresh{Topic: "t"}}); err != nil {
		t.Fatal(err)
	}
	if m := <-got; m.From != a.ID() {
		t.Errorf("%+v", m)
	}
	if s := b.Stats(); s.Refused != 0 {
		t.Errorf("%d packets of others have come through", s.Refused)
	}
}
