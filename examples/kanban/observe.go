package main

import (
	"errors"
	"log"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/telemetry"
)

// observe serves metrics for Prometheus on a listener of their own, which the people who
// use the boards need not reach: GET /metrics. The caller calls end when it serves no more,
// which closes the listener.
func observe(ln net.Listener) (by sfere.AppObserver, end func(), err error) {
	all := prometheus.NewRegistry()
	export, err := exporter.New(exporter.WithRegisterer(all))
	if err != nil {
		return nil, nil, err
	}
	tel, err := telemetry.New(&telemetry.Options{Meter: metric.NewMeterProvider(metric.WithReader(export))})
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(all, promhttp.HandlerOpts{}))
	srv := &http.Server{Handler: mux}
	go func() {
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			log.Print("kanban: metrics: ", err)
		}
	}()
	log.Printf("kanban: metrics at http://%s/metrics", ln.Addr())
	return tel, func() {
		_ = srv.Close() // an error says that it is closed
		_ = tel.Close()
	}, nil
}
