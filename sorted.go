package sfere

import (
	"slices"
	"sort"
)

// sorted is a list in order that is changed in place. It is made of chunks, so that
// a change moves no more than one of them. The zero sorted with a compare is empty
// and ready to use. It is not synchronised.
type sorted[T any] struct {
	compare func(a, b T) int // a total order: 0 means the same element
	chunks  [][]T            // none is empty
	len     int
}

// maxChunk bounds a chunk. Two neighbours that together have a quarter of it
// become one.
const maxChunk = 512

// sortedOf returns the list of elements that are in order already. It keeps all.
func sortedOf[T any](compare func(a, b T) int, all []T) sorted[T] {
	s := sorted[T]{compare: compare, len: len(all)}
	for c := range slices.Chunk(all, maxChunk/2) {
		s.chunks = append(s.chunks, slices.Clone(c)) // of its own, to be given back one by one
	}
	return s
}

// find returns where the first element is for which before is false, which is true
// for all elements up to some place and for none after. It is the end if there is
// none: chunk is len(s.chunks) then.
func (s *sorted[T]) find(before func(T) bool) (chunk, at int) {
	chunk = sort.Search(len(s.chunks), func(i int) bool {
		c := s.chunks[i]
		return !before(c[len(c)-1])
	})
	if chunk < len(s.chunks) {
		c := s.chunks[chunk]
		at = sort.Search(len(c), func(i int) bool { return !before(c[i]) })
	}
	return chunk, at
}

// insert adds v, unless it is there.
func (s *sorted[T]) insert(v T) {
	i, at := s.find(func(o T) bool { return s.compare(o, v) < 0 })
	switch {
	case len(s.chunks) == 0:
		s.chunks = [][]T{{v}}
		s.len++
		return
	case i == len(s.chunks): // after all others
		i--
		at = len(s.chunks[i])
	case s.compare(s.chunks[i][at], v) == 0:
		return
	}
	c := slices.Insert(s.chunks[i], at, v)
	s.chunks[i] = c
	if s.len++; len(c) > maxChunk {
		half := len(c) / 2
		s.chunks = slices.Insert(s.chunks, i+1, slices.Clone(c[half:]))
		clear(c[half:])
		s.chunks[i] = slices.Clone(c[:half])
	}
}

// remove takes out v, if it is there.
func (s *sorted[T]) remove(v T) {
	i, at := s.find(func(o T) bool { return s.compare(o, v) < 0 })
	if i == len(s.chunks) || s.compare(s.chunks[i][at], v) != 0 {
		return
	}
	s.len--
	c := slices.Delete(s.chunks[i], at, at+1)
	s.chunks[i] = c
	if len(c) > maxChunk/8 {
		return
	}
	for _, j := range [2]int{i - 1, i} { // with the one before, or the one after
		if j < 0 || j+1 >= len(s.chunks) || len(s.chunks[j])+len(s.chunks[j+1]) > maxChunk/4 {
			continue
		}
		s.chunks[j] = append(slices.Clone(s.chunks[j]), s.chunks[j+1]...)
		s.chunks = slices.Delete(s.chunks, j+1, j+2)
		return
	}
	if len(c) == 0 {
		s.chunks = slices.Delete(s.chunks, i, i+1)
	}
}

// after iterates over the elements from the first one for which before is false.
func (s *sorted[T]) after(before func(T) bool) func(yield func(T) bool) {
	return func(yield func(T) bool) {
		i, at := s.find(before)
		for ; i < len(s.chunks); i, at = i+1, 0 {
			for _, v := range s.chunks[i][at:] {
				if !yield(v) {
					return
				}
			}
		}
	}
}
