package main

import (
	"regexp"
	"slices"

	"github.com/sfere-go/sfere/twk/twktest"
)

// screen is what a browser shows after some events.
type screen struct {
	people []string // ids of the list, in order
	notes  []string // who joined and left, in order
	twice  []string // ids that were there twice at a moment
}

var (
	listed = regexp.MustCompile(`<li id="([^"]+)">`)
	noted  = regexp.MustCompile(`<li class="note"><bdi>(.*)</bdi> (.*)</li>`)
)

func (s *screen) take(events []twktest.Event) {
	for _, e := range events {
		f := e.Fields()
		var ids []string
		for _, m := range listed.FindAllStringSubmatch(f["elements"], -1) {
			ids = append(ids, m[1])
		}
		switch {
		case f["selector"] == "#participant-list" && f["mode"] == "inner":
			s.people = ids
			for i, id := range ids {
				if slices.Contains(ids[:i], id) {
					s.twice = append(s.twice, id)
				}
			}
		case f["selector"] == "#messages":
			if m := noted.FindStringSubmatch(f["elements"]); m != nil {
				s.notes = append(s.notes, m[1]+" "+m[2])
			}
		}
	}
}
