package sse

import (
	"cmp"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"time"
)

// shortest is the least duration that a program can mean: time.Duration(15) is
// 15 ns.
const shortest = time.Millisecond

// checked returns the options with their defaults. What makes no sense is logged
// and replaced by the default: a mistake in tuning must not keep a program from
// running, and NewHub, which programs call in declarations, returns no error.
func (o *HubOptions) checked() HubOptions {
	var v HubOptions
	if o != nil {
		v = *o
	}
	reject := func(name string, value any, remedy string) {
		slog.Warn(fmt.Sprintf("sse: HubOptions.%s is %v, which means the default: %s", name, value, remedy))
	}
	if v.MaxFrames < 0 {
		reject("MaxFrames", v.MaxFrames, "use a positive number of frames")
		v.MaxFrames = 0
	}
	if v.MaxBytes < 0 {
		reject("MaxBytes", v.MaxBytes, "use a positive number of bytes")
		v.MaxBytes = 0
	}
	if v.Overflow != "" && v.Overflow != Disconnect && v.Overflow != DropOldest {
		reject("Overflow", fmt.Sprintf("%q", v.Overflow), "use Disconnect or DropOldest")
		v.Overflow = ""
	}
	if v.WriteTimeout > 0 && v.WriteTimeout < shortest {
		reject("WriteTimeout", v.WriteTimeout, "use a duration such as 10*time.Second, or a negative one for none")
		v.WriteTimeout = 0
	}
	if v.Heartbeat > 0 && v.Heartbeat < shortest {
		reject("Heartbeat", v.Heartbeat, "use a duration such as 15*time.Second, or a negative one for none")
		v.Heartbeat = 0
	}
	v.PerStream = slices.DeleteFunc(slices.Clone(v.PerStream), func(c Compressor) bool {
		useless := c.Encoding == "" || c.New == nil
		if useless {
			slog.Warn(fmt.Sprintf("sse: a compressor of HubOptions.PerStream with Encoding %q and New %t is left out: it needs both; package sse/compress has some", c.Encoding, c.New != nil))
		}
		return useless
	})
	v.MaxFrames = cmp.Or(v.MaxFrames, 512)
	v.MaxBytes = cmp.Or(v.MaxBytes, 1<<20)
	v.Overflow = cmp.Or(v.Overflow, Disconnect)
	v.WriteTimeout = cmp.Or(v.WriteTimeout, 10*time.Second)
	v.Heartbeat = cmp.Or(v.Heartbeat, 15*time.Second)
	v.Writers = cmp.Or(v.Writers, runtime.GOMAXPROCS(0))
	return v
}
