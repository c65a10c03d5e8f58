import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.h2.H2Backend;

/** java Start &lt;file&gt; &lt;port&gt;: a MongoDB that keeps its data on disk, and writes what is left when it is told to end. */
final class Start {
    public static void main(String[] arguments) {
        MongoServer server = new MongoServer(new H2Backend(arguments[0]));
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
        server.bind("0.0.0.0", Integer.parseInt(arguments[1]));
        System.out.println("mongo-java-server answers on port " + arguments[1]);
    }
}
