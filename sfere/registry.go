package sfere

import (
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
)

// Registry returns the effects that work on c: hold, broadcast, with-connection
// and close. A program lifts it to the same [twk.Session] as twk.Registry.
func Registry(c *Conns) registry.Registry[twk.Session] {
	local := effect.About{World: effect.Local}
	return registry.New("sfere",
		effect.Handle("Hold the stream of the dispatch under a key until it ends.", c.hold).About(local),
		effect.Handle("Run effects against every live connection that matches a pattern.", c.broadcast).About(local),
		effect.Handle("Run effects against the live connections under one key.", c.withConnection).About(local),
		effect.Handle("Close every live connection that matches a pattern.", c.close).About(local),
	)
}
