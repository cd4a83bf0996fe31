import java.io.FileInputStream;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/**
 * The router's writes in Kafka Streams, exactly_once_v2, without a single check: arguments are a file of settings, the
 * source topic, the records in it, how many of them warm the machine up, the sizes of a notice, an audit entry, a
 * stream's state and its key in bytes, how many states a batch of how many records writes, and the topics of notices,
 * audit, streams and feeds. Prints a line when it is warm, and one when the last record's position is committed.
 */
public class Passthrough {
    record Shape(int notice, int entry, int state, int key, int states, int batch, int feeds) {}

    static class Fan implements Processor<byte[], byte[], byte[], byte[]> {
        private final Shape shape;
        private final long warm;
        private long seen;
        private ProcessorContext<byte[], byte[]> context;

        Fan(Shape shape, long warm) {
            this.shape = shape;
            this.warm = warm;
        }

        @Override
        public void init(ProcessorContext<byte[], byte[]> context) {
            this.context = context;
        }

        @Override
        public void process(Record<byte[], byte[]> in) {
            if (seen++ == warm) {
                System.out.println("warm");
            }
            Headers headers = headers();
            for (int feed = 0; feed < shape.feeds(); feed++) {
                context.forward(in.withHeaders(headers), "feed" + feed);
            }
            context.forward(in.withValue(new byte[shape.notice()]).withHeaders(headers), "told");
            Record<byte[], byte[]> plain = in.withHeaders(new RecordHeaders());
            for (int entry = 0; entry <= shape.feeds(); entry++) {
                context.forward(plain.withValue(new byte[shape.entry()]), "audit");
            }
            if (seen % shape.batch() == 0) {
                for (int state = 0; state < shape.states(); state++) {
                    context.forward(
                        plain.withKey(new byte[shape.key()]).withValue(new byte[shape.state()]), "streams");
                }
            }
        }
    }

    static Headers headers() {
        RecordHeaders headers = new RecordHeaders();
        headers.add("ce_specversion", "1.0".getBytes());
        headers.add("ce_id", new byte[32]);
        headers.add("ce_source", "/notifier/hub".getBytes());
        headers.add("ce_type", "org.notifier.delivery.v1".getBytes());
        headers.add("content-type", "application/vnd.notifier.feed.v1".getBytes());
        headers.add("traceparent", new byte[55]);
        return headers;
    }

    public static void main(String[] given) throws Exception {
        Properties settings = new Properties();
        try (FileInputStream file = new FileInputStream(given[0])) {
            settings.load(file);
        }
        String source = given[1];
        long count = Long.parseLong(given[2]);
        long warm = Long.parseLong(given[3]);
        int[] sizes = List.of(given).subList(4, 10).stream().mapToInt(Integer::parseInt).toArray();
        List<String> topics = List.of(given).subList(10, given.length);
        int feeds = topics.size() - 3;
        Shape shape = new Shape(sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], feeds);

        Topology topology = new Topology();
        topology.addSource("in", new ByteArrayDeserializer(), new ByteArrayDeserializer(), source);
        topology.addProcessor("fan", () -> new Fan(shape, warm), "in");
        List<String> fixed = List.of("told", "audit", "streams");
        for (int index = 0; index < topics.size(); index++) {
            String name = index < fixed.size() ? fixed.get(index) : "feed" + (index - fixed.size());
            topology.addSink(name, topics.get(index), new ByteArraySerializer(), new ByteArraySerializer(), "fan");
        }
        try (KafkaStreams streams = new KafkaStreams(topology, settings); Admin admin = Admin.create(settings)) {
            streams.start();
            TopicPartition place = new TopicPartition(source, 0);
            long committed = 0;
            while (committed < count) {
                Thread.sleep(20);
                OffsetAndMetadata found = admin.listConsumerGroupOffsets(settings.getProperty("application.id"))
                    .partitionsToOffsetAndMetadata().get().get(place);
                committed = found == null ? 0 : found.offset();
            }
            System.out.println("done");
        }
    }
}
