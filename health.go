package sfere

import (
	"encoding/json"
	"net/http"
)

// Health is what [App.Health] answers, in JSON.
type Health struct {
	// Status is "ok", or "draining" once a shutdown has begun.
	Status string `json:"status"`
	// Streams are the long streams that are open, and Connections those of them that are
	// held under keys.
	Streams     uint64 `json:"streams"`
	Connections int    `json:"connections"`
	// Nodes are the machines on the relay that are live, this one included; 0 without a
	// relay.
	Nodes int `json:"nodes,omitempty"`
}

// Health returns a handler for load balancers and for who is on call. It answers 200
// while the App serves, and 503 once it shuts down, also in the time of
// AppOptions.Notice. A relay that is down does not make it unhealthy: the App goes on
// serving its own streams. It counts the streams, so ask it every few seconds and not a
// thousand times a second. It tells nobody's keys; who must not know how many streams
// there are must not reach it.
//
//	app.HandleHTTP("GET /healthz", app.Health())
func (a *App[C]) Health() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := Health{Status: "ok", Streams: a.hub.Stats().Streams.Long}
		h.Connections, _ = a.conns.Count(Everyone()) // has a scope
		if cl := a.conns.cluster.Load(); cl != nil {
			h.Nodes = cl.nodes()
		}
		code := http.StatusOK
		if a.ending.Load() || a.hub.Draining() {
			h.Status, code = "draining", http.StatusServiceUnavailable
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(h) // an error means that the client is gone
	})
}
