//go:build !race

package growth

// Race tells whether the race detector is built in, for which pools forget some of what
// they are given, so that bytes are not those of the program.
const Race = false
