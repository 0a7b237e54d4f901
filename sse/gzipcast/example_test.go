package gzipcast_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"

	"github.com/sfere-go/sfere/sse/gzipcast"
)

// Two people are in a room and receive the same events. Ann also receives one
// of her own, so the room's next event is sent to her in the longer form that
// needs no history.
func Example() {
	enc := gzipcast.NewEncoder(nil)
	room := enc.NewChain()

	said := func(who, what string) []byte {
		return fmt.Appendf(nil, "event: datastar-patch-elements\n"+
			"data: mode append\ndata: selector #messages\n"+
			"data: elements <article class=\"message\"><b>%s</b> <p>%s</p></article>\n\n", who, what)
	}
	first := room.Next(said("Bob", "Lunch?"))
	private := enc.Event([]byte(": a heartbeat for Ann alone\n\n"))
	second := room.Next(said("Eve", "Yes, at noon."))

	var ann, ben gzipcast.Stream
	toAnn := bytes.NewBufferString(gzipcast.Header)
	toBen := bytes.NewBufferString(gzipcast.Header)

	toAnn.Write(ann.Next(first))
	toBen.Write(ben.Next(first))
	toAnn.Write(ann.Next(private))
	n, _ := toAnn.Write(ann.Next(second))
	m, _ := toBen.Write(ben.Next(second))
	fmt.Println("Ben needed less than half of Ann's bytes:", m < n/2)

	toBen.Write(ben.AppendTrailer(nil))
	zr, err := gzip.NewReader(toBen)
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := io.ReadAll(zr)
	fmt.Println("Ben received both:", string(text) == string(first.Payload())+string(second.Payload()))
	fmt.Println("and the end:", err == nil)
	// Output:
	// Ben needed less than half of Ann's bytes: true
	// Ben received both: true
	// and the end: true
}

// A stream whose last write may not have happened starts over.
func ExampleStream_Reset() {
	room := gzipcast.NewEncoder(nil).NewChain()
	payload := []byte("data: " + strings.Repeat("the same again ", 20) + "\n\n")
	first, second := room.Next(payload), room.Next(payload)

	var sure, unsure gzipcast.Stream
	sure.Next(first)
	unsure.Next(first)
	unsure.Reset()
	fmt.Println(len(sure.Next(second)) < len(unsure.Next(second)))
	// Output: true
}
