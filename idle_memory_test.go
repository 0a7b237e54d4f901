//go:build linux && !race

package sfere_test

import (
	"context"
	"fmt"
	"net"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk/twktest"
)

// A stream that is held and quiet costs at most 6 KiB if its connection has been
// taken over from net/http: heap and stacks, with the key and the own Ctx, and with
// the client's end, which is in this process.
func TestIdleStreamIsSmall(t *testing.T) {
	const streams, limit = 1000, 6 << 10
	running := runtime.NumGoroutine() + 20 // with the server and the hub
	app := hallWith(&sfere.AppOptions{Hub: &sse.HubOptions{TakeOver: true}})
	srv := httptest.NewServer(app)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), twktest.Wait)
		defer cancel()
		if err := app.Hub().Drain(ctx, 0); err != nil {
			t.Error(err)
		}
		srv.Close()
	})
	var clients []net.Conn
	open := func(n int) {
		buf := make([]byte, 4<<10)
		for range n {
			c, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			clients = append(clients, c)
			_ = c.SetDeadline(time.Now().Add(twktest.Wait))
			fmt.Fprintf(c, "GET /live?user=u%d HTTP/1.1\r\nHost: x\r\nDatastar-Request: true\r\n\r\n", len(clients))
			for text := ""; !strings.Contains(text, "hello"); {
				k, err := c.Read(buf)
				if err != nil {
					t.Fatalf("after %q: %v", text, err)
				}
				text += string(buf[:k])
			}
			_ = c.SetDeadline(time.Time{})
		}
		for end := time.Now().Add(twktest.Wait); runtime.NumGoroutine() > running; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d goroutines are left: the handlers have not returned", runtime.NumGoroutine())
			}
		}
	}
	size := func() int64 {
		runtime.GC()
		runtime.GC()
		runtime.GC() // pools keep for two
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc + m.StackInuse)
	}
	open(50) // what a program needs for the first
	before := size()
	open(streams)
	each := (size() - before) / streams
	t.Logf("%d bytes for each", each)
	if each > limit {
		t.Errorf("an idle stream takes %d bytes, want at most %d", each, limit)
	}
	if each < 500 {
		t.Errorf("an idle stream takes %d bytes: the test measures nothing", each)
	}
	if n := app.Hub().Len(); n != streams+50 {
		t.Errorf("%d streams are open", n)
	}
	runtime.KeepAlive(clients)
}
