package main

import (
	"crypto/rand"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/sfere-go/sfere"
)

const (
	maxMessage = 2000     // characters
	maxSignals = 32 << 10 // bytes of a request: that message, escaped as JSON at its worst

	burst  = 5               // messages that a person may send at once
	refill = 5 * time.Second // after which each of them may be followed by another
)

// clean returns a message as it is shown: line breaks of one kind, tabs, and no
// other control characters.
func clean(message string) string {
	message = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(message)
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, message))
}

// mayTalk takes a token out of the bucket of the person with this name, and reports
// whether there was one. The tokens are claims: nobody takes one twice, each comes
// back when its time is over, and nothing is kept of people who are gone. The
// bucket belongs to the name, so leaving and coming back does not fill it. How often
// an address may join under new names is for the proxy in front to bound.
func (s *server) mayTalk(name string) bool {
	for i := range burst {
		token := sfere.ID(fmt.Sprint("token ", i), look(name)).In(sfere.DefaultScope)
		if s.Conns().Claim(token, rand.Text(), refill) == nil {
			return true
		}
	}
	return false
}
