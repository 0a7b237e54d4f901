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
	Read                // describe, search, sample, validate, dry-run, list connections and dispatches
	Write               // send effects
)

// Guard decides what a request may do. It may be called concurrently.
type Guard func(*http.Request) Access

// Local returns a guard that allows requests from this machine what a says, and
// others nothing. A request is from this machine if both ends of its connection
// are, no proxy has passed it on, and it names this machine as its host, so that
// a page from elsewhere cannot reach it by a name of its own.
func Local(a Access) Guard {
	return func(r *http.Request) Access {
		if !loopback(r.RemoteAddr) || !loopbackHost(r.Host) {
			return None
		}
		if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && addr.Network() != "unix" && !loopback(addr.String()) {
			return None
		}
		for _, proxy := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
			if len(r.Header.Values(proxy)) > 0 {
				return None
			}
		}
		return a
	}
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
