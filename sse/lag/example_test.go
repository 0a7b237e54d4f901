package lag_test

import (
	"fmt"
	"net/http"
	"time"

	"github.com/sfere-go/sfere/sse/lag"
)

// A program is served as if over a bad network.
func Example() {
	app := http.NewServeMux()
	slow := lag.New(&lag.Options{Delay: 150 * time.Millisecond, Jitter: 100 * time.Millisecond, Loss: 30 * time.Second})
	srv := &http.Server{Addr: "localhost:8080", Handler: slow.Handler(app)}
	fmt.Println(srv.Addr, slow.Options().Delay)
	// Output: localhost:8080 150ms
}
