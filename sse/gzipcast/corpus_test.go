package gzipcast

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// The three kinds of events that the package is measured with.

// counterEvents returns n patches of one signal, 72 bytes each.
func counterEvents(n int) [][]byte {
	rng := rand.New(rand.NewPCG(3, 4))
	var events [][]byte
	for range n {
		events = append(events, fmt.Appendf(nil,
			"event: datastar-patch-signals\ndata: signals {\"online\":%d,\"typing\":%d}\n\n", 1200+rng.IntN(500), rng.IntN(10)))
	}
	return events
}

// appendEvents returns n events that append one chat message each, 544 bytes on
// average.
func appendEvents(n int) [][]byte {
	var events [][]byte
	for _, m := range messages(n) {
		events = append(events, []byte("event: datastar-patch-elements\ndata: selector #messages\n"+
			"data: mode append\ndata: elements "+m+"\n\n"))
	}
	return events
}

// morphEvents returns n events that send the last 20 chat messages each, 9.1 KB
// on average: from one to the next, the oldest message goes and a new one comes.
func morphEvents(n int) [][]byte {
	const shown = 20
	all := messages(n + shown)
	var events [][]byte
	for i := range n {
		events = append(events, []byte("event: datastar-patch-elements\ndata: elements <section id=\"messages\">"+
			strings.Join(all[i:i+shown], "")+"</section>\n\n"))
	}
	return events
}

func messages(n int) []string {
	rng := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("the stream keeps one open response and every message a server sends is " +
		"patched into the page by its id so people see what others write while they type lunch meeting " +
		"budget deploy green red build tests coffee tomorrow thanks please look at this later maybe not " +
		"sure yes no fine great idea let us try it again")
	var all []string
	for i := range n {
		var text []string
		for range 17 + rng.IntN(12) {
			text = append(text, words[rng.IntN(len(words))])
		}
		user := rng.IntN(40)
		all = append(all, fmt.Sprintf(`<article id="msg-%d" class="message flex gap-2 p-3 border-b hover:bg-slate-50">`+
			`<img class="avatar rounded-full w-8 h-8" src="/avatars/u%d.png" alt=""><div class="body">`+
			`<header class="text-sm text-slate-500"><b class="author">user-%d</b> `+
			`<time datetime="2026-01-05T12:%02d:%02dZ">12:%02d</time></header><p class="text">%s</p></div></article>`,
			10000+i, user, user, i/60%60, i%60, i/60%60, strings.Join(text, " ")))
	}
	return all
}
