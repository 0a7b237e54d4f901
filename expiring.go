package sfere

import (
	"container/heap"
	"time"
)

// expiring has values under keys, some of which end at a time of their own. There
// is no timer: every use drops what has ended by then, so what it holds is never
// more than what was put since the last use. The zero expiring is empty and ready
// to use. It is not synchronised.
type expiring[V any] struct {
	items shrinking[Key, *item[V]]
	ends  byEnd[V] // those that end
}

// item is one value.
type item[V any] struct {
	key   Key
	value V
	end   time.Time // while at >= 0
	at    int       // in ends; -1: it does not end
}

// get returns what is under k at the time now, nil if there is nothing.
func (x *expiring[V]) get(k Key, now time.Time) *item[V] {
	x.sweep(now)
	return x.items.m[k]
}

// add puts v under k, where nothing is, without an end.
func (x *expiring[V]) add(k Key, v V) *item[V] {
	i := &item[V]{key: k, value: v, at: -1}
	x.items.set(k, i)
	return i
}

// until makes i end at a time, instead of the one that was set before.
func (x *expiring[V]) until(i *item[V], end time.Time) {
	i.end = end
	if i.at < 0 {
		heap.Push(&x.ends, i)
	} else {
		heap.Fix(&x.ends, i.at)
	}
}

// keep makes i not end.
func (x *expiring[V]) keep(i *item[V]) {
	if i.at >= 0 {
		heap.Remove(&x.ends, i.at)
	}
}

// drop takes i out.
func (x *expiring[V]) drop(i *item[V]) {
	x.keep(i)
	x.items.delete(i.key)
}

// sweep drops what has ended.
func (x *expiring[V]) sweep(now time.Time) {
	for len(x.ends) > 0 && !x.ends[0].end.After(now) {
		x.drop(x.ends[0])
	}
}

// byEnd is a heap, the first to end first.
type byEnd[V any] []*item[V]

func (b byEnd[V]) Len() int           { return len(b) }
func (b byEnd[V]) Less(i, j int) bool { return b[i].end.Before(b[j].end) }

func (b byEnd[V]) Swap(i, j int) {
	b[i], b[j] = b[j], b[i]
	b[i].at, b[j].at = i, j
}

func (b *byEnd[V]) Push(x any) {
	i := x.(*item[V])
	i.at = len(*b)
	*b = append(*b, i)
}

func (b *byEnd[V]) Pop() any {
	last := (*b)[len(*b)-1]
	*b = dropLast(*b)
	last.at = -1
	return last
}
