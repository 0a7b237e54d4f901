package twk

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
)

// refused reports whether err says no to a client rather than that the program has
// failed: it asks for a status below 500 or for 503, or the server is going down.
// Of several errors each must say no. A panic never does.
func refused(err error) bool {
	if _, ok := errors.AsType[*effect.PanicError](err); ok {
		return false
	}
	return saysNo(err)
}

func saysNo(err error) bool {
	if err == nil || err == sse.ErrDraining {
		return err != nil
	}
	switch e := err.(type) {
	case interface{ HTTPStatus() int }:
		code := e.HTTPStatus()
		return code > 0 && code < http.StatusInternalServerError || code == http.StatusServiceUnavailable
	case interface{ Unwrap() []error }:
		errs := e.Unwrap()
		for _, err := range errs {
			if !saysNo(err) {
				return false
			}
		}
		return len(errs) > 0
	}
	return saysNo(errors.Unwrap(err))
}

// tell tells the error hook of a request that has failed before its effects ran. A
// refusal is no failure, and a client may cause any number of them: it is logged
// for who looks for it.
func (b *Bridge[C]) tell(ctx context.Context, r *Request, err error) {
	if refused(err) {
		logError(ctx, r, err)
		return
	}
	b.report(ctx, r, err)
}

// logError logs a failure as an error, and a refusal with level debug.
func logError(ctx context.Context, r *Request, err error) effect.List {
	level, text := slog.LevelError, "twk: request failed"
	if refused(err) {
		level, text = slog.LevelDebug, "twk: request refused"
	}
	attrs := []slog.Attr{slog.Any("error", err)}
	if r != nil && r.Request != nil {
		attrs = append(attrs, slog.String("method", r.Method), slog.String("path", r.URL.Path))
	}
	slog.LogAttrs(ctx, level, text, attrs...)
	return nil
}
