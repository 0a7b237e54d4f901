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

// senseless logs that an option is not used as it is.
func senseless(name string, value any, remedy string) {
	slog.Warn(fmt.Sprintf("sse: %s is %v, which means the default: %s", name, value, remedy))
}

// duration returns an option, or its default if that is wanted or its unit was
// forgotten.
func duration(name string, d, def time.Duration) time.Duration {
	if d > 0 && d < shortest {
		senseless(name, d, fmt.Sprintf("use a duration such as %d*time.Second, or a negative one for none", def/time.Second))
		d = 0
	}
	return cmp.Or(d, def)
}

// checked returns the options with their defaults. What makes no sense is logged
// and replaced by the default: a mistake in tuning must not keep a program from
// running, and NewHub, which programs call in declarations, returns no error.
func (o *HubOptions) checked() HubOptions {
	var v HubOptions
	if o != nil {
		v = *o
	}
	reject := func(name string, value any, remedy string) { senseless("HubOptions."+name, value, remedy) }
	if v.MaxFrames < 0 {
		reject("MaxFrames", v.MaxFrames, "use a positive number of frames")
		v.MaxFrames = 0
	}
	if v.MaxBytes < 0 {
		reject("MaxBytes", v.MaxBytes, "use a positive number of bytes")
		v.MaxBytes = 0
	}
	if v.Record < 0 || v.Record > maxRecord {
		reject("Record", v.Record, fmt.Sprintf("use a number of events up to %d, or 0 for none", maxRecord))
		v.Record = 0
	}
	if v.Overflow.check() != nil {
		reject("Overflow", fmt.Sprintf("%q", v.Overflow), "use Disconnect or DropOldest")
		v.Overflow = ""
	}
	v.WriteTimeout = duration("HubOptions.WriteTimeout", v.WriteTimeout, 10*time.Second)
	v.Heartbeat = duration("HubOptions.Heartbeat", v.Heartbeat, 15*time.Second)
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
	v.Writers = cmp.Or(v.Writers, runtime.GOMAXPROCS(0))
	return v
}
