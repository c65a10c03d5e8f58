// Command netpol carries out NetworkPolicies on the local cluster's node: kube-router's controller for them, and nothing
// else of kube-router.
package main

import (
	"flag"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/cloudnativelabs/kube-router/pkg/controllers/netpol"
	"github.com/cloudnativelabs/kube-router/pkg/healthcheck"
	"github.com/cloudnativelabs/kube-router/pkg/options"
	networking "k8s.io/api/networking/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "the way to the API server")
	node := flag.String("node", "", "the node's name")
	services := flag.String("services", "", "addresses of Services")
	listen := flag.String("listen", "", "address that takes connections once policies are carried out")
	flag.Parse()
	if err := run(*kubeconfig, *node, *services, *listen); err != nil {
		klog.Fatal(err)
	}
}

func run(kubeconfig, node, services, listen string) error {
	access, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(access)
	if err != nil {
		return err
	}
	config := options.NewKubeRouterConfig()
	config.ClusterIPCIDR = services
	config.HostnameOverride = node
	config.IPTablesSyncPeriod = time.Minute

	forever := make(chan struct{})
	factory := informers.NewSharedInformerFactory(client, 0)
	pods := factory.Core().V1().Pods().Informer()
	namespaces := factory.Core().V1().Namespaces().Informer()
	policies := factory.Networking().V1().NetworkPolicies().Informer()
	if err := policies.SetTransform(withoutIPv6); err != nil {
		return err
	}
	factory.Start(forever)
	cache.WaitForCacheSync(forever, pods.HasSynced, namespaces.HasSynced, policies.HasSynced)

	controller, err := netpol.NewNetworkPolicyController(client, config, pods, policies, namespaces, &sync.Mutex{})
	if err != nil {
		return err
	}
	pods.AddEventHandler(controller.PodEventHandler)
	namespaces.AddEventHandler(controller.NamespaceEventHandler)
	policies.AddEventHandler(controller.NetworkPolicyEventHandler)

	// A heartbeat is sent at the start of each round; the second one says that the first round is over.
	beats := make(chan *healthcheck.ControllerHeartbeat)
	var running sync.WaitGroup
	running.Add(1)
	go controller.Run(beats, forever, &running)
	<-beats
	controller.RequestFullSync()
	<-beats
	go func() {
		for range beats {
		}
	}()
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		connection.Close()
	}
}

// withoutIPv6 leaves out ranges of IPv6: the node has none, and the controller stumbles over them.
func withoutIPv6(object any) (any, error) {
	policy, is := object.(*networking.NetworkPolicy)
	if !is {
		return object, nil
	}
	var egress []networking.NetworkPolicyEgressRule
	for _, rule := range policy.Spec.Egress {
		peers := ofIPv4(rule.To)
		// A rule that loses its last peer would mean everybody.
		if len(peers) > 0 || len(rule.To) == 0 {
			egress = append(egress, networking.NetworkPolicyEgressRule{Ports: rule.Ports, To: peers})
		}
	}
	var ingress []networking.NetworkPolicyIngressRule
	for _, rule := range policy.Spec.Ingress {
		peers := ofIPv4(rule.From)
		if len(peers) > 0 || len(rule.From) == 0 {
			ingress = append(ingress, networking.NetworkPolicyIngressRule{Ports: rule.Ports, From: peers})
		}
	}
	policy.Spec.Egress, policy.Spec.Ingress = egress, ingress
	return policy, nil
}

func ofIPv4(peers []networking.NetworkPolicyPeer) []networking.NetworkPolicyPeer {
	var kept []networking.NetworkPolicyPeer
	for _, peer := range peers {
		if peer.IPBlock == nil || !strings.Contains(peer.IPBlock.CIDR, ":") {
			kept = append(kept, peer)
		}
	}
	return kept
}
