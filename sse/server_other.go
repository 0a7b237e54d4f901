//go:build !linux

package sse

import (
	"net"
	"time"
)

// setUserTimeout does nothing here: the kernel's own bound stays.
func setUserTimeout(*net.TCPConn, time.Duration) {}

func keepLittle(*net.TCPConn) {}
