// Package lag makes the network of a development machine as bad as that of the people who
// use a program: answers and events arrive late and unevenly, and streams are lost. What
// looks wrong then looks wrong to them.
//
//	slow := lag.New(&lag.Options{Delay: 150 * time.Millisecond, Jitter: 100 * time.Millisecond, Loss: 30 * time.Second})
//	srv := &http.Server{Addr: "localhost:8080", Handler: slow.Handler(app)}
//
// It is for development only, and nothing turns it on by itself. Connections are not taken
// over from net/http behind it, whatever the hub says.
package lag
