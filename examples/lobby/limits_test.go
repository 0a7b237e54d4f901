package main

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestMessages(t *testing.T) {
	inMemory(t, func(t *testing.T, s *server) {
		ann, bob := s.person(t), s.person(t)
		a, b := ann.enter("Ann"), bob.enter("Bob")
		for _, tt := range []struct{ text, shown, refused, reason string }{
			{"hi", "hi", "", "text"},
			{" hi \n", "hi", "", "white space around it is not shown"},
			{"a\r\nb\rc\td", "a\nb\nc\td", "", "line breaks of one kind, tabs"},
			{"a\x00b\x1b[31mc\x7fd\u0085e", "ab[31mcde", "", "no other control characters"},
			{`<b>"x"</b>`, "&lt;b&gt;&#34;x&#34;&lt;/b&gt;", "", "markup is text"},
			{"x\r\revent: datastar-patch-signals\rdata", "x\n\nevent: datastar-patch-signals\ndata", "", "an event in a message"},
			{strings.Repeat("é", 2000), strings.Repeat("é", 2000), "", "characters are counted"},
			{"a" + strings.Repeat("\u2028", 1998) + "x", "a" + strings.Repeat("\u2028", 1998) + "x", "", "escaped as JSON it fits the bound of signals"},
			{strings.Repeat("é", 2001), "", "at most 2000", "too long"},
			{"", "", "write something", "empty"},
			{" \r\n\x01", "", "write something", "blank once it is clean"},
			{strings.Repeat("&", maxSignals), "", http.StatusText(http.StatusRequestEntityTooLarge), "the body is not even read"},
		} {
			if got := ann.say(tt.text); !strings.Contains(got, tt.refused) || tt.refused == "" && got != "" {
				t.Errorf("%s: answered %q, want %q", tt.reason, got, tt.refused)
			}
			if tt.refused != "" {
				synctest.Wait()
				if has(b.Pending(), "#messages", "") {
					t.Errorf("%s: it was sent", tt.reason)
				}
				continue
			}
			until(a, "#messages", "bubble")
			if got := until(b, "#messages", "bubble").Fields()["elements"]; !strings.Contains(got, ">"+tt.shown+"</bdi>") {
				t.Errorf("%s: shown as %q, want %q", tt.reason, got, tt.shown)
			}
			time.Sleep(refill)
		}
	})
}

func TestAnswerClearsTheField(t *testing.T) {
	inMemory(t, func(t *testing.T, s *server) {
		ann, bob := s.person(t), s.person(t)
		ann.enter("Ann")
		b := bob.enter("Bob")
		_, answer := ann.post("/message", map[string]string{"message": "hi"})
		cleared := false
		for _, e := range answer {
			cleared = cleared || e.Fields()["signals"] == `{"message":""}`
		}
		if !cleared {
			t.Errorf("the sender's answer is %v, want the signal cleared", answer)
		}
		synctest.Wait()
		for _, e := range b.Pending() {
			if e.Type == "datastar-patch-signals" || strings.Contains(e.Fields()["elements"], `id="error"`) {
				t.Errorf("Bob got %v, which is for Ann", e)
			}
		}
	})
}

func TestRateLimit(t *testing.T) {
	inMemory(t, func(t *testing.T, s *server) {
		ann, bob := s.person(t), s.person(t)
		ann.enter("Ann")
		bob.enter("Bob")
		sent := func(p *person) (n int) {
			for range 2 * burst {
				switch why := p.say("x"); {
				case why == "":
					n++
				case !strings.Contains(why, "too fast"):
					t.Errorf("refused with %q", why)
				}
			}
			return n
		}
		for _, tt := range []struct {
			who    *person
			after  time.Duration
			want   int
			reason string
		}{
			{ann, 0, burst, "a full bucket"},
			{ann, refill - 1, 0, "no token has come back"},
			{bob, 0, burst, "another person has another bucket"},
			{ann, 1, burst, "all came back"},
			{ann, time.Hour, burst, "no more than a full bucket"},
		} {
			time.Sleep(tt.after)
			if n := sent(tt.who); n != tt.want {
				t.Errorf("%s: %d messages, want %d", tt.reason, n, tt.want)
			}
		}
		ann.post("/leave", nil)
		synctest.Wait()
		ann.enter("ANN")
		if n := sent(ann); n != 0 {
			t.Errorf("%d messages after leaving and coming back, want none", n)
		}
	})
}
