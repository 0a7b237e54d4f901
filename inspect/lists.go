package inspect

import (
	"context"
	"sync"
)

// lists are what pages show at one moment; pages that show the same share it. A nil one
// keeps nothing.
type lists struct {
	mu    sync.Mutex // guards the fields below while ask runs
	conns map[connQuery]connList
	nodes *nodesView
}

// ask asks other machines for what pages show of them, all at once, so that one which is
// silent holds up the pages for no longer than one question takes.
func (l *lists) ask(ctx context.Context, in *Inspector, pages []*feed) {
	var asking sync.WaitGroup
	defer asking.Wait()
	queries, nodes := map[connQuery]bool{}, false
	for _, p := range pages {
		switch {
		case p.Tab == "connections" && p.Conns.Nodes && !queries[p.Conns]:
			queries[p.Conns] = true
			asking.Go(func() {
				defer contained()
				list := in.list(ctx, p.Conns)
				l.mu.Lock()
				defer l.mu.Unlock()
				l.conns[p.Conns] = list
			})
		case p.Tab == "nodes" && !nodes:
			nodes = true
			asking.Go(func() {
				defer contained()
				v := in.nodes(ctx)
				l.mu.Lock()
				defer l.mu.Unlock()
				l.nodes = &v
			})
		}
	}
}

// of returns the list that q asks for.
func (l *lists) of(ctx context.Context, in *Inspector, q connQuery) connList {
	if l == nil {
		return in.list(ctx, q)
	}
	list, ok := l.conns[q]
	if !ok {
		list = in.list(ctx, q)
		l.conns[q] = list
	}
	return list
}

// nodesOf returns the machines.
func (l *lists) nodesOf(ctx context.Context, in *Inspector) nodesView {
	if l == nil || l.nodes == nil {
		return in.nodes(ctx)
	}
	return *l.nodes
}
