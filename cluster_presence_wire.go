package sfere

import (
	"time"

	"github.com/sfere-go/sfere/relay"
)

// What a key has in common with the address that it is told under does not travel.

// short returns k without what is in the address to.
func short(k Key, to relay.Address) relay.Address {
	a := addressOf(k)
	if to.Scope != "" {
		a.Scope = ""
	}
	if to.Category != "" {
		a.Category = ""
	}
	if to.ID != "" {
		a.ID = ""
	}
	return a
}

// long undoes short. It reports false for what is no key, or none of that address.
func long(a, to relay.Address) (Key, bool) {
	for _, p := range [...]struct {
		v    *string
		with string
	}{{&a.Scope, to.Scope}, {&a.Category, to.Category}, {&a.ID, to.ID}} {
		if p.with == "" {
			continue
		}
		if *p.v != "" {
			return Key{}, false // what does not match is refused, and what does is not sent
		}
		*p.v = p.with
	}
	k := Key(a)
	return k, k.Validate() == nil
}

// sizeOf is at most what an entry for a takes in a message.
func sizeOf(a relay.Address) int {
	const escaped = 6 // bytes of JSON for one
	return 96 + escaped*(len(a.Scope)+len(a.Category)+len(a.ID))
}

// The hash of a set of keys is that of all of them together, in any order. All versions
// of the program must agree on it.

// hashOf returns the hash of one key: FNV-1a, mixed so that the hashes of a set do not
// cancel each other out.
func hashOf(k Key) uint64 {
	h := uint64(14695981039346656037)
	for _, v := range k.fields() {
		for i := range len(v) {
			h = (h ^ uint64(v[i])) * 1099511628211
		}
		h = (h ^ 0xff) * 1099511628211 // is in no key
	}
	return mixed(h)
}

// mixed is the finalizer of SplitMix64.
func mixed(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// partOf is what an address whose keys have a hash adds to the hash of a node.
func partOf(to relay.Address, hash uint64) uint64 { return mixed(hashOf(Key(to)) + hash) }

// believable returns when a key came by the clock of another machine, if that is in the
// past here.
func believable(since, now time.Time) time.Time {
	if since.IsZero() || since.After(now) {
		return now
	}
	return since.Local()
}

// levels are the forms of the addresses that a key is under.
const levels = 5

// levelOf returns the form of an address, which is one that messages travel under.
func levelOf(a relay.Address) int {
	switch {
	case a.ID != "":
		return 0
	case a.Scope != "" && a.Category != "":
		return 1
	case a.Scope != "":
		return 2
	case a.Category != "":
		return 3
	}
	return 4
}

// at returns the address of a form that k is under.
func (k Key) at(level int) relay.Address {
	a := addressOf(k)
	switch level {
	case 1:
		a.ID = ""
	case 2:
		a.Category, a.ID = "", ""
	case 3:
		a.Scope, a.ID = "", ""
	case 4:
		a = relay.Address{}
	}
	return a
}
