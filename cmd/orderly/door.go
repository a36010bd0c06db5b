package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"

	"github.com/spf13/pflag"
)

// doorFlags say where a server listens and how others reach it.
type doorFlags struct {
	listen            string
	certFile, keyFile string
	proxyText         []string

	proxies []netip.Prefix
}

func (d *doorFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&d.listen, "listen", "127.0.0.1:8080", "address to listen at; port 0 takes a free one")
	flags.StringVar(&d.certFile, "tls-cert", "", "file with the TLS certificate and its chain, PEM")
	flags.StringVar(&d.keyFile, "tls-key", "", "file with the key of the TLS certificate, PEM")
	flags.StringSliceVar(&d.proxyText, "proxy", nil, "networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, such as 10.0.0.0/8")
}

// check reads the flags.
func (d *doorFlags) check() error {
	if (d.certFile == "") != (d.keyFile == "") {
		return usageError("--tls-cert and --tls-key go together")
	}
	for _, text := range d.proxyText {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			address, err := netip.ParseAddr(text)
			if err != nil {
				return usageError("--proxy %q is neither a network (10.0.0.0/8) nor an address", text)
			}
			network = netip.PrefixFrom(address, address.BitLen())
		}
		d.proxies = append(d.proxies, network)
	}
	if d.certFile != "" {
		if _, err := tls.LoadX509KeyPair(d.certFile, d.keyFile); err != nil {
			return usageError("the TLS certificate cannot be used: %w", err)
		}
	}
	return nil
}

// warning is what somebody should know who lets others in; "" when all is well.
func (d *doorFlags) warning() string {
	host, _, err := net.SplitHostPort(d.listen)
	if err != nil || d.certFile != "" || len(d.proxies) > 0 {
		return ""
	}
	if address, err := netip.ParseAddr(host); host == "localhost" || (err == nil && address.IsLoopback()) {
		return ""
	}
	return fmt.Sprintf("warning: --listen %s lets others reach Orderly without TLS: passwords and orders can be read on the way. "+
		"Give --tls-cert and --tls-key, or --proxy with the network of the proxy that does TLS.", d.listen)
}

// address is where people reach a server that listens.
func (d *doorFlags) address(listener net.Listener) string {
	if d.certFile != "" {
		return "https://" + listener.Addr().String()
	}
	return "http://" + listener.Addr().String()
}

// serve answers requests until the server stops.
func (d *doorFlags) serve(server *http.Server, listener net.Listener) error {
	if d.certFile != "" {
		return server.ServeTLS(listener, d.certFile, d.keyFile)
	}
	return server.Serve(listener)
}
