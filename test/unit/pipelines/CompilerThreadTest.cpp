//===- CompilerThreadTest.cpp - A thread that waits for work ----------------------------------===//

#include "CompilerThread.h"

#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace lighthouse;

TEST(CompilerThreadTest, AllWorkIsDoneOnOneOtherThread) {
  CompilerThread thread;
  pthread_t first{}, second{};
  EXPECT_TRUE(thread.run([&] { first = pthread_self(); }).ok());
  EXPECT_TRUE(thread.run([&] { second = pthread_self(); }).ok());
  EXPECT_TRUE(pthread_equal(first, second));
  EXPECT_FALSE(pthread_equal(first, pthread_self()));
}

TEST(CompilerThreadTest, WhatWorkOwnsIsGoneAfterIt) {
  CompilerThread thread;
  auto owned = std::make_shared<int>(1);
  EXPECT_TRUE(thread.run([owned] { EXPECT_EQ(*owned, 1); }).ok());
  EXPECT_EQ(owned.use_count(), 1);
}

TEST(CompilerThreadTest, TheStackIsLarge) {
  CompilerThread thread;
  size_t bytes = 0;
  EXPECT_TRUE(thread
                  .run([&] {
                    pthread_attr_t attributes;
                    pthread_getattr_np(pthread_self(), &attributes);
                    pthread_attr_getstacksize(&attributes, &bytes);
                    pthread_attr_destroy(&attributes);
                  })
                  .ok());
  EXPECT_GE(bytes, compilerStackBytes);
}

/// What a forked child that runs `body` ends with; it has 20 seconds.
template <typename Body> static int statusOfChild(Body body) {
  pid_t child = fork();
  if (child == 0) {
    alarm(20);
    _exit(body() ? 0 : 1);
  }
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

TEST(CompilerThreadTest, AForkedChildGetsItsOwn) {
  std::optional<CompilerThread> thread(std::in_place);
  EXPECT_TRUE(thread->run([] {}).ok());
  EXPECT_EQ(statusOfChild([&] {
              int done = 0;
              bool ok = thread->run([&] { ++done; }).ok() && thread->run([&] { ++done; }).ok();
              thread.reset();
              return ok && done == 2;
            }),
            0);
  EXPECT_TRUE(thread->run([] {}).ok());
}

TEST(CompilerThreadTest, AForkedChildLeavesAnUnusedOneAlone) {
  std::optional<CompilerThread> thread(std::in_place);
  EXPECT_TRUE(thread->run([] {}).ok());
  EXPECT_EQ(statusOfChild([&] {
              thread.reset();
              return true;
            }),
            0);
}
