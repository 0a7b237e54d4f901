package sferetest_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/sferetest"
	"github.com/sfere-go/sfere/twk"
)

// page is a view with a mistake.
type page struct {
	Mistake string `json:"mistake"`
}

func (page) EffectName() string { return "test/page" }

var began = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func pages(_ context.Context, p page) (twk.Content, error) {
	switch p.Mistake {
	case "map":
		text := `<ul id="x">`
		for name := range map[string]bool{"ann": true, "bob": true, "cleo": true, "dan": true, "eve": true} {
			text += "<li>" + name
		}
		return twk.HTML(text + "</ul>"), nil
	case "token":
		return twk.HTML(`<i id="x">` + rand.Text() + `</i>`), nil
	case "clock":
		return twk.HTML(fmt.Sprintf(`<i id="x">%d hours ago</i>`, int(time.Since(began).Hours()))), nil
	case "error":
		return nil, errors.New("no database")
	}
	return twk.HTML(`<i id="x">fine</i>`), nil
}

// failing is a testing.TB that notes what it is told.
type failing struct {
	testing.TB
	said string
}

func (f *failing) Helper() {}
func (f *failing) Errorf(format string, args ...any) {
	f.said += fmt.Sprintf(format, args...)
}
func (f *failing) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	runtime.Goexit()
}

func TestRender(t *testing.T) {
	for _, tt := range []struct {
		mistake, reason string
		bubble          bool
		html            string // what is returned, if it is known
		want            string // in what the test says, empty if it passes
	}{
		{"", "nothing is wrong", false, `<i id="x">fine</i>`, ""},
		{"", "nor as time passes", true, `<i id="x">fine</i>`, ""},
		{"map", "its order is another each time", false, "", "two renders of sferetest_test.page in the same state differ"},
		{"token", "it is another each time", false, "", "two renders of sferetest_test.page in the same state differ"},
		{"clock", "what it says changes", true, `<i id="x">0 hours ago</i>`, "first: <i id=\"x\">0 hours ago</i>\nlater: <i id=\"x\">1 hours ago</i>"},
		{"error", "there is nothing to compare", false, "", "no database"},
	} {
		run := func(t *testing.T) {
			conns := sfere.New(nil)
			defer conns.Close()
			d := dispatch.Must(dispatch.New(
				sfere.Registry(conns),
				registry.New("test", sfere.View[twk.Session]("A page.", pages, nil)),
			))
			f := &failing{TB: t}
			var got twk.HTML
			done := make(chan struct{})
			go func() {
				defer close(done)
				r := &twk.Request{Request: httptest.NewRequest("GET", "/", nil)}
				got = sferetest.Render[twk.Session](f, d, conns, twk.Session{}, r, page{tt.mistake})
			}()
			<-done
			if tt.want == "" && f.said != "" || !strings.Contains(f.said, tt.want) {
				t.Errorf("%s, %s: the test says %q, want %q", tt.mistake, tt.reason, f.said, tt.want)
			}
			if tt.html != "" && got != twk.HTML(tt.html) {
				t.Errorf("%s, %s: the markup is %q, want %q", tt.mistake, tt.reason, got, tt.html)
			}
		}
		if tt.bubble {
			synctest.Test(t, run)
		} else {
			run(t)
		}
	}
}
