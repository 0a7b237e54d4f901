package main

import (
	"fmt"
	"html"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/twk/twktest"
)

// said matches a message in markup: its id and its text.
var said = regexp.MustCompile(`<li class="bubble" id="([^"]+)">.*<bdi class="text">(.*)</bdi></li>`)

// paper is the messages of a page, as ids and texts in order.
type paper [][2]string

func (p *paper) texts() (texts []string) {
	for _, l := range *p {
		texts = append(texts, l[1])
	}
	return texts
}

func (p *paper) print(markup string) {
	for _, m := range said.FindAllStringSubmatch(markup, -1) {
		*p = append(*p, [2]string{m[1], html.UnescapeString(m[2])})
	}
}

// take does what the client does.
func (p *paper) take(events []twktest.Event) {
	for _, e := range events {
		f := e.Fields()
		switch {
		case f["selector"] == "#messages" && f["mode"] == "append":
			p.print(f["elements"])
		case f["mode"] == "remove":
			var kept paper
			for _, l := range *p {
				if !strings.Contains(f["selector"]+",", "#"+l[0]+",") {
					kept = append(kept, l)
				}
			}
			*p = kept
		}
	}
}

// arrived is what has been sent to a page by now.
func arrived(s *twktest.Stream) []twktest.Event {
	synctest.Wait()
	return s.Pending()
}

// load returns what the page shows when it is loaded, and where its stream is.
func (p *person) load() (shown paper, stream string) {
	p.t.Helper()
	res, err := p.http.Get(p.url + "/")
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	shown.print(string(b))
	m := regexp.MustCompile(`'(/sse\?after=[^']*)'`).FindStringSubmatch(html.UnescapeString(string(b)))
	if m == nil {
		p.t.Fatalf("no stream in %s", b)
	}
	return shown, m[1]
}

// A page that is loaded shows the last hundred messages, and its stream sends those
// that came between.
func TestReloadShowsTalk(t *testing.T) {
	inMemory(t, func(t *testing.T, s *server) {
		ann := s.person(t)
		a := ann.enter("Ann")
		var want []string
		for i := range 120 {
			text := fmt.Sprint(i, " <b>&")
			want = append(want, text)
			s.say(talking(Say{"Ann", text}))
		}
		var live paper
		live.take(arrived(a))
		if diff := cmp.Diff(want, live.texts()); diff != "" {
			t.Errorf("an open page (-want +got):\n%s", diff)
		}
		shown, stream := ann.load()
		if diff := cmp.Diff(want[20:], shown.texts()); diff != "" {
			t.Errorf("a page that is loaded (-want +got):\n%s", diff)
		}
		s.say(talking(Say{"Ann", "between"}))
		again := ann.streamAt(stream, "")
		shown.take(arrived(again))
		if diff := cmp.Diff(append(want[20:], "between"), shown.texts()); diff != "" {
			t.Errorf("with its stream (-want +got):\n%s", diff)
		}
	})
}

// A page that comes back gets what it has missed and nothing twice, in the order in
// which all others see it; a new process begins anew and takes nothing away.
func TestComingBackShowsWhatWasMissed(t *testing.T) {
	inMemory(t, func(t *testing.T, s *server) {
		ann := s.person(t)
		a := ann.enter("Ann")
		s.say(talking(Say{"Ann", "1"}))
		events := arrived(a)
		var page paper
		page.take(events)
		last := ""
		for _, e := range events {
			if e.ID != "" {
				last = e.ID
			}
		}
		a.Close()
		s.say(talking(Say{"Ann", "2"}))
		s.say(talking(Say{"Ann", "3"}))
		back := ann.streamAt("/sse?after=", last)
		got := arrived(back)
		page.take(got)
		if diff := cmp.Diff([]string{"1", "2", "3"}, page.texts()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		var sent paper
		sent.take(got)
		if diff := cmp.Diff([]string{"2", "3"}, sent.texts()); diff != "" {
			t.Errorf("it was sent (-want +got):\n%s", diff)
		}
		s.talk = newTalk() // as after a restart
		s.say(talking(Say{"Ann", "4"}))
		back.Close()
		back = ann.streamAt("/sse?after=", last)
		page.take(arrived(back))
		if diff := cmp.Diff([]string{"1", "2", "3", "4"}, page.texts()); diff != "" {
			t.Errorf("after a restart (-want +got):\n%s", diff)
		}
	})
}

// Whoever loads the page while many talk sees everything once, in the one order.
func TestNewcomersWhileManyTalk(t *testing.T) {
	inMemory(t, func(t *testing.T, s *server) {
		ann := s.person(t)
		a := ann.enter("Ann")
		const people, each = 8, maxTalk / 8 // no more than are kept
		done := make(chan struct{})
		for i := range people {
			go func() {
				for k := range each {
					s.say(talking(Say{"Ann", fmt.Sprint(i, ".", k)}))
				}
				done <- struct{}{}
			}()
		}
		var pages []*twktest.Stream
		var papers []paper
		for range 10 {
			shown, stream := ann.load()
			page := ann.streamAt(stream, "")
			papers, pages = append(papers, shown), append(pages, page)
		}
		for range people {
			<-done
		}
		var all paper
		all.take(arrived(a))
		want := all.texts()
		if len(want) != people*each {
			t.Fatalf("%d messages, want %d", len(want), people*each)
		}
		for i, page := range pages {
			papers[i].take(arrived(page))
			if diff := cmp.Diff(want, papers[i].texts()); diff != "" {
				t.Errorf("page %d (-want +got):\n%s", i, diff)
			}
		}
	})
}
