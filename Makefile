.PHONY: help test race short lint fuzz mutants bench soak lobby kanban ci
help: ; @grep -E '^[a-z]+:' Makefile | cut -d: -f1 | tr '\n' ' '
test: ; go test ./...
race: ; go test -race -short ./...
short: ; go test -short ./...
lint: ; go vet ./... && test -z "$$(gofmt -l .)"
# Every fuzz target in turn, 20 s each.
fuzz:
	@git grep -oE 'func Fuzz[A-Za-z0-9]+' -- '*_test.go' | sed 's/:func /: /' | while IFS=': ' read -r file name; do \
		echo "== $$name in $$(dirname $$file)"; \
		go test -run xxx -fuzz "^$$name\$$" -fuzztime 20s -fuzzminimizetime 20x "./$$(dirname $$file)" || exit 1; \
	done
# Edits of the scheduler of views, one at a time, each of which the tests must notice.
mutants: ; go run ./internal/mutants
bench: ; go test -run xxx -bench . ./dispatch . ./sse/gzipcast ./internal/bench/...
# Streams come and go for SOAK over each transport, and nothing may grow: make soak SOAK=8h
SOAK ?= 10m
soak: ; SFERE_SOAK=$(SOAK) go test -timeout 0 -count 1 -v -run 'TestSoak$$' ./sse
lobby: ; go run ./examples/lobby
kanban: ; go run ./examples/kanban
ci: ; bash .ci/run
