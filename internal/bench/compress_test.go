//go:build unix

package bench

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/sse/compress"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/twk"
)

// sinkEnv makes the test binary the client process: "address count".
const sinkEnv = "SFERE_BENCH_SINK"

// sinkMain opens streams that accept gzip and reads them until stdin ends.
func sinkMain(spec string) int {
	addr, count, _ := strings.Cut(spec, " ")
	n := 0
	_, _ = fmt.Sscan(count, &n)
	for range n {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_, err = fmt.Fprintf(c, "GET /?topic=bench/feed/all HTTP/1.1\r\nHost: %s\r\nDatastar-Request: true\r\nAccept-Encoding: gzip\r\n\r\n", addr)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		go func() { _, _ = io.Copy(io.Discard, bufio.NewReader(c)) }()
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// cpu is what this process has used.
func cpu() time.Duration {
	var ru syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &ru)
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// chat makes the events of a chat room.
type chat struct {
	rng  *rand.Rand
	last []string
}

func (c *chat) message() string {
	words := strings.Fields("the a stream of events goes to every browser that has this room open and each one sees what others say while nobody waits for anybody else today")
	var text strings.Builder
	for text.Len() < 160 {
		text.WriteString(words[c.rng.IntN(len(words))] + " ")
	}
	m := fmt.Sprintf(`<li class="message flex gap-2 rounded-lg px-3 py-2" id="m%08x"><img class="avatar h-8 w-8 rounded-full" src="/avatars/%03d.png" alt=""><div class="body grow"><b class="name font-semibold">user%03d</b> <time class="text-xs text-gray-500">12:%02d</time><p class="text-sm leading-5">%s</p></div></li>`,
		c.rng.Uint32(), c.rng.IntN(1000), c.rng.IntN(1000), c.rng.IntN(60), text.String())
	c.last = append(c.last, m)
	if len(c.last) > 20 {
		c.last = c.last[1:]
	}
	return m
}

// appended is one more message; morphed the last 20, sent again.
func (c *chat) appended() twk.PatchElements {
	return twk.PatchElements{Selector: "#messages", Mode: twk.ModeAppend, Elements: twk.HTML(c.message())}
}

func (c *chat) morphed() twk.PatchElements {
	c.message()
	return twk.PatchElements{Elements: twk.HTML(`<ul id="messages">` + strings.Join(c.last, "") + `</ul>`)}
}

// BenchmarkCompression sends chat events to 1000 TCP streams in another process,
// one event at a time, and counts the processor time of the server only.
func BenchmarkCompression(b *testing.B) {
	const n = 1000
	modes := []struct {
		name string
		hub  sse.HubOptions
	}{
		{"floor: uncompressed", sse.HubOptions{}},
		{"shared gzip", sse.HubOptions{Compress: true}},
		{"gzip per stream", sse.HubOptions{PerStream: []sse.Compressor{compress.Gzip(0)}}},
	}
	for _, content := range []string{"append", "morph"} {
		for _, mode := range modes {
			b.Run(content+"/"+mode.name, func(b *testing.B) {
				var left atomic.Int64
				done := make(chan struct{}, 1)
				var mu sync.Mutex
				var conns []*sse.Conn
				a := newApp(&mode.hub, func(c *sse.Conn) {
					c.OnSent(func() {
						if left.Add(-1) == 0 {
							done <- struct{}{}
						}
					})
					mu.Lock()
					conns = append(conns, c)
					mu.Unlock()
				})
				srv := httptest.NewServer(a)
				defer srv.Close()
				defer srv.CloseClientConnections()
				stop := sinkProcess(b, srv.Listener.Addr().String(), n)
				defer stop()
				// The hub counts streams that are still opening, which get nothing yet.
				held := func() int { mu.Lock(); defer mu.Unlock(); return len(conns) }
				for deadline := time.Now().Add(10 * time.Second); held() < n; time.Sleep(time.Millisecond) {
					if time.Now().After(deadline) {
						b.Fatal("not all streams have opened")
					}
				}
				time.Sleep(200 * time.Millisecond)
				room := &chat{rng: rand.New(rand.NewPCG(1, 2))}
				to := sfere.Category("feed").AllScopes()
				var before runtime.MemStats
				send := func() {
					left.Store(n)
					event := room.appended()
					if content == "morph" {
						event = room.morphed()
					}
					if err := a.send(to, event); err != nil {
						b.Fatal(err)
					}
					select {
					case <-done:
					case <-time.After(20 * time.Second):
						b.Fatalf("%d of %d streams were not written to", left.Load(), n)
					}
				}
				runtime.GC()
				runtime.ReadMemStats(&before)
				for range 25 { // fills the morph
					send()
				}
				size := func() (sum uint64) {
					for _, c := range conns {
						sum += c.Info().SentSize
					}
					return sum
				}
				wire, used := size(), cpu()
				for b.Loop() {
					send()
				}
				used, wire = cpu()-used, size()-wire
				var after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&after)
				d := float64(b.N * n)
				report(b, row{Group: "compression, 1000 TCP streams, chat " + content, Name: mode.name, Floor: strings.HasPrefix(mode.name, "floor"), Metrics: map[string]float64{
					"cpu-us/delivery": float64(used) / d / 1e3, "wire-B/delivery": float64(wire) / d,
					"heap-KiB/stream": (float64(after.HeapAlloc) - float64(before.HeapAlloc)) / n / 1024,
				}})
			})
		}
	}
}

// sinkProcess starts the client process.
func sinkProcess(b *testing.B, addr string, n int) (stop func()) {
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", sinkEnv, addr, n))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		_ = in.Close()
		_ = cmd.Wait()
	}
}
