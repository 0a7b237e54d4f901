package twk

import (
	"fmt"
	"net/http"
)

// canFlush reports whether w, or a ResponseWriter that it unwraps to, flushes;
// this is how http.ResponseController looks for it.
func canFlush(w http.ResponseWriter) bool {
	for {
		switch v := w.(type) {
		case interface{ FlushError() error }, http.Flusher:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = v.Unwrap()
		default:
			return false
		}
	}
}

// unflushed makes a ResponseWriter that cannot flush good enough for a short
// response, whose bytes arrive at its end.
type unflushed struct{ http.ResponseWriter }

func (unflushed) Flush() {}

func (u unflushed) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// isRecorder reports whether w is that of a test of handlers.
func isRecorder(w http.ResponseWriter) bool {
	return fmt.Sprintf("%T", w) == "*httptest.ResponseRecorder"
}

// flusherOf returns what http.ResponseController.Flush would call, found once
// for all writes.
func flusherOf(w http.ResponseWriter) interface{ FlushError() error } {
	for {
		switch v := w.(type) {
		case interface{ FlushError() error }:
			return v
		case http.Flusher:
			return plainFlusher{v}
		case interface{ Unwrap() http.ResponseWriter }:
			w = v.Unwrap()
		default:
			return plainFlusher{}
		}
	}
}

// plainFlusher is a Flusher that cannot fail, or none.
type plainFlusher struct{ http.Flusher }

func (f plainFlusher) FlushError() error {
	if f.Flusher == nil {
		return http.ErrNotSupported
	}
	f.Flush()
	return nil
}
