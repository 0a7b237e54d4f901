package sse_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/sse"
)

// opener is an owner that writes down what it is told.
type opener struct {
	name string
	log  *[]string
	err  error
	boom bool
}

func (o opener) note(what string) { *o.log = append(*o.log, o.name+" "+what) }

func (o opener) Opens(c *sse.Conn) error {
	o.note(fmt.Sprint("opens, pending ", c.Pending()))
	if o.boom {
		panic("a bug")
	}
	return o.err
}

func (o opener) Live(*sse.Conn)                  { o.note("live") }
func (o opener) Closed(_ *sse.Conn, c sse.Cause) { o.note("closed " + string(c)) }
func (o opener) Ended(*sse.Conn, sse.Cause)      { o.note("ended") }

// Owners that have a say are asked when nothing else can refuse the stream, before its
// response begins.
func TestOpeners(t *testing.T) {
	no := errors.New("no")
	for _, tt := range []struct {
		name   string
		a, b   opener
		open   error
		want   []string
		reason string
	}{
		{"agree", opener{}, opener{}, nil, []string{
			"pending true", "a opens, pending false", "b opens, pending false", "first", "a closed done", "b closed done", "a ended", "b ended",
		}, "both agree, in their order"},
		{"refused by the program", opener{}, opener{}, no, []string{
			"pending true", "a closed refused", "b closed refused", "a ended", "b ended",
		}, "nobody is asked for a stream that does not open anyway"},
		{"refused by the second", opener{}, opener{err: no}, nil, []string{
			"pending true", "a opens, pending false", "b opens, pending false", "a closed refused", "b closed refused", "a ended", "b ended",
		}, "the first is told that it was for nothing"},
		{"refused by the first", opener{err: no}, opener{}, nil, []string{
			"pending true", "a opens, pending false", "a closed refused", "b closed refused", "a ended", "b ended",
		}, "the second need not be asked"},
		{"panic", opener{boom: true}, opener{}, nil, []string{
			"pending true", "a opens, pending false", "a closed refused", "b closed refused", "a ended", "b ended",
		}, "a panic is contained and refuses"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log []string
			tt.a.name, tt.a.log = "a", &log
			tt.b.name, tt.b.log = "b", &log
			hub := sse.NewHub(&sse.HubOptions{Heartbeat: -1})
			w := httptest.NewRecorder()
			err := hub.Serve(w, httptest.NewRequest("GET", "/", nil), &sse.ServeOptions{Short: true, Open: func(c *sse.Conn) error {
				log = append(log, fmt.Sprint("pending ", c.Pending()))
				c.Attach(tt.a)
				c.Attach(tt.b)
				return tt.open
			}}, func(_ context.Context, c *sse.Conn) error {
				log = append(log, "first")
				return nil
			})
			if diff := cmp.Diff(tt.want, log); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			opens := tt.name == "agree"
			if opens != (err == nil) || !opens && !tt.a.boom && !errors.Is(err, no) {
				t.Errorf("error %v: %s", err, tt.reason)
			}
			if !opens && (w.Flushed || w.Header().Get("Content-Type") != "") {
				t.Errorf("the response has begun: %v", w.Header())
			}
			if hub.Len() != 0 {
				t.Errorf("%d streams are left", hub.Len())
			}
			if !opens {
				sse.Refuse(w, err)
				if w.Code != http.StatusInternalServerError {
					t.Errorf("status %d", w.Code)
				}
			}
		})
	}
}
