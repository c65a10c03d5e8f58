// node stores.js write <word>: puts a word into each of the five stores of `local`, with the store's own client library.
// node stores.js read: prints what each of them has, as one JSON object.

const { DynamoDBClient, CreateTableCommand, GetItemCommand, PutItemCommand, waitUntilTableExists } = require("@aws-sdk/client-dynamodb");
const { KinesisClient, CreateStreamCommand, GetRecordsCommand, GetShardIteratorCommand, ListShardsCommand, PutRecordCommand, waitUntilStreamExists } = require("@aws-sdk/client-kinesis");
const { SQSClient, CreateQueueCommand, GetQueueUrlCommand, ReceiveMessageCommand, SendMessageCommand } = require("@aws-sdk/client-sqs");
const { NodeHttpHandler } = require("@smithy/node-http-handler");
const { MongoClient } = require("mongodb");
const { createClient } = require("redis");

const NAME = "story";

const credentials = { accessKeyId: "demo", secretAccessKey: "demo" };
// Kinesis' client would speak HTTP/2, which without TLS no stand-in does.
const aws = (Client, endpoint) =>
  new Client({ endpoint, credentials, region: "eu-central-1", requestHandler: new NodeHttpHandler() });

async function withRedis(act) {
  const client = await createClient({ url: process.env.REDIS_URL }).connect();
  try {
    return await act(client);
  } finally {
    client.destroy();
  }
}

async function withMongodb(act) {
  const client = new MongoClient(process.env.MONGODB_URL);
  try {
    return await act(client.db(NAME).collection(NAME));
  } finally {
    await client.close();
  }
}

const redis = {
  write: (word) => withRedis((client) => client.set(NAME, word)),
  read: () => withRedis((client) => client.get(NAME)),
};

const mongodb = {
  write: (word) => withMongodb((words) => words.insertOne({ _id: NAME, word })),
  read: () => withMongodb(async (words) => (await words.findOne({ _id: NAME }))?.word ?? null),
};

const dynamodb = {
  client: aws(DynamoDBClient, process.env.DYNAMODB_URL),
  async write(word) {
    await this.client.send(new CreateTableCommand({
      TableName: NAME,
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      BillingMode: "PAY_PER_REQUEST",
    }));
    await waitUntilTableExists({ client: this.client, maxWaitTime: 60, minDelay: 1 }, { TableName: NAME });
    await this.client.send(new PutItemCommand({ TableName: NAME, Item: { id: { S: NAME }, word: { S: word } } }));
  },
  async read() {
    const { Item } = await this.client.send(new GetItemCommand({ TableName: NAME, Key: { id: { S: NAME } } }));
    return Item?.word.S ?? null;
  },
};

const sqs = {
  client: aws(SQSClient, process.env.SQS_URL),
  async write(word) {
    // What was received without being deleted can be received again at once.
    const Attributes = { VisibilityTimeout: "0" };
    const { QueueUrl } = await this.client.send(new CreateQueueCommand({ QueueName: NAME, Attributes }));
    await this.client.send(new SendMessageCommand({ QueueUrl, MessageBody: word }));
  },
  async read() {
    const { QueueUrl } = await this.client.send(new GetQueueUrlCommand({ QueueName: NAME }));
    const { Messages } = await this.client.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
    return Messages?.[0]?.Body ?? null;
  },
};

const kinesis = {
  client: aws(KinesisClient, process.env.KINESIS_URL),
  async write(word) {
    await this.client.send(new CreateStreamCommand({ StreamName: NAME, ShardCount: 1 }));
    await waitUntilStreamExists({ client: this.client, maxWaitTime: 60, minDelay: 1 }, { StreamName: NAME });
    await this.client.send(new PutRecordCommand({ StreamName: NAME, PartitionKey: NAME, Data: Buffer.from(word) }));
  },
  async read() {
    const { Shards } = await this.client.send(new ListShardsCommand({ StreamName: NAME }));
    const from = { StreamName: NAME, ShardId: Shards[0].ShardId, ShardIteratorType: "TRIM_HORIZON" };
    const { ShardIterator } = await this.client.send(new GetShardIteratorCommand(from));
    const { Records } = await this.client.send(new GetRecordsCommand({ ShardIterator }));
    return Records.length > 0 ? Buffer.from(Records[0].Data).toString() : null;
  },
};

const stores = { redis, mongodb, dynamodb, sqs, kinesis };

// A store that has nothing of ours yet says so with an error: that is `null`, too.
const isAbsent = (error) => /NotFound|NonExistentQueue|does not exist/i.test(`${error.name} ${error.message}`);

async function readAll() {
  const found = Object.entries(stores).map(async ([name, store]) => {
    const word = await store.read().catch((error) => (isAbsent(error) ? null : Promise.reject(error)));
    return [name, word];
  });
  return Object.fromEntries(await Promise.all(found));
}

async function main([verb, word]) {
  if (verb === "write") {
    await Promise.all(Object.values(stores).map((store) => store.write(word)));
  } else if (verb === "read") {
    console.log(JSON.stringify(await readAll()));
  } else {
    throw new Error("say `write <word>` or `read`");
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
