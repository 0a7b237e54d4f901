//go:build !linux

package twk

import (
	"net"
	"time"
)

// setUserTimeout does nothing here: the kernel's own bound stays.
func setUserTimeout(*net.TCPConn, time.Duration) {}
