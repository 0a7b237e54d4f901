package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Access is what a request may do.
type Access int

// The levels of access, each with what the ones before it allow.
const (
	None  Access = iota // nothing
	Read                // describe, search, sample, validate, dry-run, replay, list connections, dispatches, and when streams were sent what became of it
	Watch               // see what streams are sent, which is what people see, if the program offers it (console.Options.Watch)
	Write               // send effects
)

// Caller is who a request comes from, as a [Guard] sees it.
type Caller struct {
	// By names the caller: to the audit, and to what a send runs. It must not be
	// what the request merely claims. Empty means the remote address.
	By string
	// Access is what the caller may do.
	Access Access
	// Why says why access is not more. The caller is shown it, and the audit is.
	// It may be empty.
	Why string
}

// Guard decides who sends a request and what it may do. It may be called
// concurrently. It must not read the body.
type Guard func(*http.Request) Caller

// Local returns a guard for a program on the machine of its developer. It allows
// requests a that show the token and come from this machine, and others nothing.
// How the token is shown is told at [ByToken]. A request is from this machine if
// both ends of its connection are, no proxy says that it has passed it on, and it
// names this machine as its host.
//
// The token is what counts: a proxy on this machine that says nothing, as nginx
// does by default, makes requests of the whole world look like those from here.
// An empty token lets nobody in.
func Local(token string, a Access) Guard {
	shown := ByToken(token, a)
	return func(r *http.Request) Caller {
		if why := notLocal(r); why != "" {
			return Caller{Why: why}
		}
		return shown(r)
	}
}

// notLocal says why r does not come from this machine, "" if it does.
func notLocal(r *http.Request) string {
	if !loopback(r.RemoteAddr) {
		return "only requests from this machine are answered"
	}
	if !loopbackHost(r.Host) {
		return "only requests for localhost or a loopback address are answered"
	}
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && addr.Network() != "unix" && !loopback(addr.String()) {
		return "only requests to a loopback address are answered"
	}
	for name := range r.Header {
		if passedOn(name) {
			return "requests that a proxy has passed on are not answered"
		}
	}
	return ""
}

// passedOn reports whether a header of this name is one that proxies add.
func passedOn(name string) bool {
	switch name {
	case "Forwarded", "Via", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "X-Original-Host", "True-Client-Ip", "Fastly-Client-Ip", "Cdn-Loop":
		return true
	}
	return strings.HasPrefix(name, "X-Forwarded") || strings.HasPrefix(name, "Cf-")
}

func loopback(addr string) bool {
	ap, err := netip.ParseAddrPort(addr)
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

func loopbackHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
